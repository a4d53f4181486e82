"""The sample county itself: a land without gaps, the same from the same seed, and a truth that fits what is delivered."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geosys import sample
from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample import draw_county
from geosys.sample.county import draw_frames
from geosys.sample.deliveries import read_sendings
from geosys.sample.places import dms_text

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

SEED = 410299


@pytest.fixture(scope="module")
def frames() -> dict[str, gpd.GeoDataFrame]:
    return draw_frames(np.random.default_rng(SEED), lambda _step, _share: None)[0]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, gpd.GeoDataFrame]]:
    """Return a drawn county and the frames that it was written from."""
    root = tmp_path_factory.mktemp("sample")
    steps: list[float] = []
    frames: dict[str, gpd.GeoDataFrame] = {}

    def watched(*given: Any) -> Any:
        made = draw_frames(*given)
        frames.update({name: frame.copy() for name, frame in made[0].items()})
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "draw_frames", watched)
        draw_county(root, SEED, lambda _step, share: steps.append(share))
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    return root, frames


@pytest.fixture(scope="module")
def workspace(drawn: tuple[Path, dict[str, gpd.GeoDataFrame]]) -> Path:
    return drawn[0]


def read_truth(workspace: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(workspace / "truth" / name, dtype=str, keep_default_na=False)


def test_the_patches_cover_the_county_without_gap_or_overlap(frames: dict[str, gpd.GeoDataFrame]) -> None:
    patches = frames["patches"].geometry.to_numpy()
    assert shapely.coverage_is_valid(patches)
    whole = shapely.coverage_union_all(patches)
    assert whole.equals(frames["counties"].geometry.iloc[0])
    assert shapely.get_num_interior_rings(whole) == 0
    assert shapely.area(patches).sum() == pytest.approx(whole.area, rel=1e-12)


@pytest.mark.parametrize("name", ["villages", "townships"])
def test_villages_and_townships_cover_the_same_county(frames: dict[str, gpd.GeoDataFrame], name: str) -> None:
    parts = frames[name].geometry.to_numpy()
    assert shapely.coverage_is_valid(parts)
    assert (
        shapely.symmetric_difference(shapely.coverage_union_all(parts), frames["counties"].geometry.iloc[0]).area == 0.0
    )


def test_it_is_as_large_as_asked(frames: dict[str, gpd.GeoDataFrame]) -> None:
    assert len(frames["patches"]) >= 20_000
    assert len(frames["outlets"]) >= 300
    assert len(frames["sections"]) >= 60
    assert len(frames["samples"]) == 24 * len(frames["sections"])
    assert sum(len(frames[name]) for name in ("suspected", "contaminated", "priority")) >= 80


def test_plots_of_works_and_permanent_farmland_lie_on_the_land_they_claim(frames: dict[str, gpd.GeoDataFrame]) -> None:
    patches = frames["patches"]
    industry = shapely.union_all(patches.geometry[patches["land_class_code"] == "0601"].to_numpy())
    inside = shapely.covers(industry, frames["priority"].geometry.to_numpy())
    assert inside.all()
    arable = patches["land_class_code"].isin(["0101", "0102", "0103"])
    permanent = frames["permanent"].geometry.to_numpy()
    assert shapely.area(permanent).sum() < shapely.area(patches.geometry[arable].to_numpy()).sum()
    assert not shapely.STRtree(permanent).query(shapely.point_on_surface(patches.geometry[~arable]), "within").size


def test_stated_areas_are_ellipsoidal_to_the_centimetre(frames: dict[str, gpd.GeoDataFrame]) -> None:
    plots = frames["contaminated"]
    true = ellipsoidal_area_m2(plots.geometry.to_numpy(), str(plots.crs))
    assert np.abs(plots["stated_area_m2"].to_numpy() - true).max() <= 0.005 + 1e-9


def test_the_same_seed_draws_the_same_county(
    frames: dict[str, gpd.GeoDataFrame], drawn: tuple[Path, dict[str, gpd.GeoDataFrame]]
) -> None:
    again = drawn[1]
    assert list(again) == list(frames)
    for name, frame in frames.items():
        assert (
            shapely.to_wkb(again[name].geometry.to_numpy()).tolist()
            == shapely.to_wkb(frame.geometry.to_numpy()).tolist()
        )
        pd.testing.assert_frame_equal(
            pd.DataFrame(again[name].drop(columns="geometry")), pd.DataFrame(frame.drop(columns="geometry"))
        )


def test_the_plan_names_every_delivery(workspace: Path) -> None:
    plan = tomllib.loads((workspace / "geosys.toml").read_text(encoding="utf-8"))
    assert [d["layer"] for d in plan["deliveries"]] == [s.layer for s in read_sendings()]
    assert all((workspace / d["file"]).exists() for d in plan["deliveries"])
    assert plan["mark"] == {"zh": "样例数据", "en": "sample data"}


def test_the_shapefile_keeps_its_encoding_to_itself(workspace: Path) -> None:
    path = workspace / "inbox" / "疑似污染地块_样例数据.shp"
    assert not path.with_suffix(".cpg").exists()
    head = path.with_suffix(".dbf").read_bytes()
    assert head[29] == 0
    assert "地块编码".encode("gbk") in head[:200]


def test_the_geodatabase_carries_names_and_two_coordinate_systems(workspace: Path) -> None:
    path = workspace / "inbox" / "一张图.gdb"
    assert pyogrio.read_info(path, layer="DLTB")["layer_metadata"]["ALIAS_NAME"] == "地类图斑"
    assert {pyogrio.read_info(path, layer=name)["crs"] for name in ("DLTB", "STBHHX")} == {"EPSG:4547", "EPSG:4490"}


def test_faults_and_risks_are_labelled_and_many(workspace: Path) -> None:
    faults, risks = read_truth(workspace, "faults.csv"), read_truth(workspace, "risks.csv")
    assert faults["issue_type"].nunique() >= 15
    assert set(faults["file"]) <= {str(p.relative_to(workspace).as_posix()) for p in (workspace / "inbox").iterdir()}
    assert (risks.groupby("rule").size() >= 2).all()
    assert not risks.duplicated(["rule", "subject_id", "object_id"]).any()


def test_truth_names_rows_that_were_delivered(workspace: Path) -> None:
    read = pyogrio.read_dataframe(workspace / "inbox" / "污染地块名录_样例数据.shp", encoding="GBK")
    risks, faults = read_truth(workspace, "risks.csv"), read_truth(workspace, "faults.csv")
    layer = next(s.layer for s in read_sendings() if s.frame == "contaminated")
    assert set(risks.loc[risks["subject_layer"] == layer, "subject_id"]) <= set(read["地块编码"])
    for row in faults[(faults["layer"] == layer) & (faults["source_row"] != "")].itertuples():
        assert read["地块编码"].iloc[int(row.source_row) - 1] == row.key


def test_an_angle_is_never_written_with_sixty_seconds() -> None:
    assert dms_text(114.999999) == "115°00′00.00″"
    assert dms_text(34.5) == "34°30′00.00″"
