"""Checks of a package: the sound toy passes all, and each planted fault fails its own check, with its name and place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import shapely
from publish_toy import (
    CRS,
    EAST,
    NORTH,
    PLANTS,
    PROFILE,
    World,
    catalogue,
    findings,
    planted,
    plots,
    profile_of,
    square,
    world,
)
from pyproj import Geod, Transformer

from geosys._errors import CrsError
from geosys._text import Text
from geosys.publish.check_words import KINDS, MOST_TOLD, is_stopped
from geosys.publish.checks import check_layers
from geosys.publish.content import Field
from geosys.publish.shaping import shape_layers, typed_column

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.content import Check, ShapedLayer


def shaped_of(toy: World) -> list[ShapedLayer]:
    return toy.tamper(shape_layers(toy.profile, toy.layers, toy.results, CRS))


def checks_of(toy: World) -> list[Check]:
    return check_layers(toy.profile, shaped_of(toy), toy.setting)


def test_the_sound_toy_passes_and_tells_what_was_withheld(tmp_path: Path) -> None:
    failed = [check for check in checks_of(world(tmp_path)) if not check.is_passed]
    assert [(check.id, check.stops) for check in failed] == [("withheld_rows", False)]
    assert failed[0].got == "1 行 rows"


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_fails_its_check_with_its_place(name: str, tmp_path: Path) -> None:
    _, wanted, place = PLANTS[name]
    checks = checks_of(planted(name, tmp_path))
    failed = [check for check in checks if check.id == wanted and not check.is_passed]
    assert failed, [check.id for check in checks if not check.is_passed]
    assert any(check.where.startswith(place) for check in failed), [check.where for check in failed]
    assert all(check.got and check.title.zh and check.title.en and str(check.do) for check in failed)
    assert is_stopped(checks)


def test_every_check_that_stops_has_a_planted_fault() -> None:
    stopping = {name for name, kind in KINDS.items() if kind.stops}
    assert stopping - {wanted for _, wanted, _ in PLANTS.values()} == {
        "disclosure"
    }  # planted in test_publish_package.py


def test_faults_beyond_the_most_told_are_counted(tmp_path: Path) -> None:
    toy = world(tmp_path)
    layer = toy.layers["suspected_plot"]
    frame = pd.concat([layer.frame] * 10, ignore_index=True).assign(plot_name=None)
    checks = checks_of(replace(toy, layers={"suspected_plot": replace(layer, frame=frame)}))
    failed = [check for check in checks if check.id == "required" and not check.is_passed]
    assert len(failed) == MOST_TOLD + 1
    assert failed[-1].got.startswith(f"另有 {30 - MOST_TOLD} 处")


# --- shaping ---


def test_rows_are_typed_and_ordered_by_key(tmp_path: Path) -> None:
    (shaped,) = shaped_of(world(tmp_path))
    frame = shaped.frame
    assert list(frame.columns) == ["DKBM", "DKMC", "DZ", "HYLX", "LRRQ", "LX", "MJ", "NF", "geometry"]
    assert frame["DKBM"].tolist() == ["J1", "J2", "J3"]
    assert frame["LRRQ"].tolist() == [
        None,
        __import__("datetime").date(2025, 6, 2),
        __import__("datetime").date(2024, 5, 1),
    ]
    assert frame["DZ"].tolist() == [None, "南街2号", "北街1号"]
    assert frame["LX"].fillna(-1).tolist() == [-1, 359.0, 12.3]
    assert str(frame["NF"].dtype) == "Int64"
    assert set(frame["NF"]) == {2026}
    assert set(frame.geom_type) == {"MultiPolygon"}
    assert (shaped.source_rows, shaped.withheld_rows, shaped.left_out) == (4, 1, 0)


def test_areas_are_those_of_the_geodesic_oracle(tmp_path: Path) -> None:
    (shaped,) = shaped_of(world(tmp_path))
    to_degrees = Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    wanted = []
    for shape in shapely.segmentize(shaped.frame.geometry.to_numpy(), 1.0):
        turned = shapely.transform(shape, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
        wanted.append(
            abs(
                Geod(ellps="GRS80").geometry_area_perimeter(
                    shapely.geometry.polygon.orient(shapely.get_parts(turned)[0])
                )[0]
            )
        )
    assert np.abs(shaped.frame["MJ"].to_numpy() - wanted).max() < 0.011
    assert shaped.source_area_m2 == pytest.approx(sum(wanted), rel=1e-6)


def test_where_narrows_and_counts_what_lacks_the_value(tmp_path: Path) -> None:
    text = PROFILE.replace('key      = ["DKBM"]', 'key      = ["DKBM"]\nwhere    = { trade = ["化*"] }')
    (shaped,) = shaped_of(world(tmp_path, text))
    assert shaped.frame["DKBM"].tolist() == ["J3"]
    assert (shaped.source_rows, shaped.left_out) == (4, 2)
    assert shaped.provenance["left_out_for_lack_of_a_value"] == 1
    told = [
        c
        for c in check_layers(world(tmp_path, text).profile, [shaped], world(tmp_path).setting)
        if c.id == "left_out_unknown"
    ]
    assert not told[0].is_passed
    assert told[0].got == "1 行 rows"


def test_missing_may_be_asked_for(tmp_path: Path) -> None:
    text = PROFILE.replace('key      = ["DKBM"]', 'key      = ["DKBM"]\nwhere    = { trade = ["", "电镀"] }')
    (shaped,) = shaped_of(world(tmp_path, text))
    assert shaped.frame["DKBM"].tolist() == ["J1", "J2"]


def test_findings_are_shaped_from_the_last_run(tmp_path: Path) -> None:
    from publish_toy import FINDINGS_LAYER

    text = PROFILE + FINDINGS_LAYER.replace("needed   = false", 'needed   = false\nwhere    = { outcome = ["hit"] }')
    shaped = shape_layers(profile_of(text, tmp_path), {"suspected_plot": plots()}, findings(), CRS)
    assert shaped[1].frame["XSBH"].tolist() == ["F1"]
    assert (shaped[1].source_rows, shaped[1].left_out, shaped[1].source_area_m2) == (2, 1, None)


@pytest.mark.parametrize(("line", "crs", "east"), [
    ('crs      = "plan"', "EPSG:4547", EAST),
    ('crs      = "plan"\nzone_prefix = true', "EPSG:4526", 38_000_000 + EAST),
    ('crs      = "EPSG:4526"\nzone_prefix = true', "EPSG:4526", 38_000_000 + EAST),
    ('crs      = "EPSG:4490"', "EPSG:4490", 114.0),
])  # fmt: skip
def test_the_package_has_the_crs_asked_for(line: str, crs: str, east: float, tmp_path: Path) -> None:
    toy = world(tmp_path, PROFILE.replace('crs      = "plan"', line))
    (shaped,) = shaped_of(toy)
    assert str(shaped.frame.crs) == crs
    assert shaped.frame.total_bounds[0] == pytest.approx(east, abs=1e-6)
    assert not is_stopped(check_layers(toy.profile, [shaped], toy.setting))


def test_a_plan_without_zones_cannot_carry_their_number(tmp_path: Path) -> None:
    profile = profile_of(PROFILE.replace('crs      = "plan"', 'crs      = "plan"\nzone_prefix = true'), tmp_path)
    with pytest.raises(CrsError, match="EPSG:32650"):
        shape_layers(profile, {}, None, "EPSG:32650")


def test_coordinates_of_another_plane_are_not_judged(tmp_path: Path) -> None:
    toy = world(tmp_path, PROFILE.replace('crs      = "plan"', 'crs      = "EPSG:32650"'))
    (shaped,) = shaped_of(toy)
    moved = replace(shaped, frame=shaped.frame.set_geometry(shaped.frame.geometry.translate(xoff=9e6)))
    checks = check_layers(toy.profile, [moved], toy.setting)
    assert next(check for check in checks if check.id == "coordinates").is_passed


def test_an_uncommon_plan_may_still_send_degrees(tmp_path: Path) -> None:
    profile = profile_of(PROFILE.replace('crs      = "plan"', 'crs      = "EPSG:4490"'), tmp_path)
    assert str(shape_layers(profile, {}, None, "EPSG:4547")[0].frame.crs) == "EPSG:4490"


def test_shaping_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    toy = world(tmp_path)
    layer = toy.layers["suspected_plot"]
    turned = replace(layer, frame=layer.frame.iloc[::-1].reset_index(drop=True))
    one, two = shaped_of(toy)[0].frame, shaped_of(replace(toy, layers={"suspected_plot": turned}))[0].frame
    pd.testing.assert_frame_equal(
        pd.DataFrame(one.drop(columns="geometry")), pd.DataFrame(two.drop(columns="geometry"))
    )
    assert shapely.equals_exact(one.geometry.to_numpy(), two.geometry.to_numpy()).all()


@pytest.mark.parametrize(("kind", "given", "wanted", "lost"), [
    ("text", ["甲", 3, True, None, ""], ["甲", "3", "是", None, None], 0),
    ("date", ["2026-09-30", pd.Timestamp("2026-01-02"), "昨天"], ["2026-09-30", "2026-01-02", "None"], 1),
    ("truth", [True, np.bool_(False), "是", None], [True, False, None, None], 1),
    ("number", [1, 2.5, np.inf, True], [1.0, 2.5, None, None], 2),
])  # fmt: skip
def test_values_are_typed_or_named(kind: str, given: list, wanted: list, lost: int) -> None:
    column, left = typed_column(pd.Series(given, dtype=object), Field("A", Text("甲", "A"), kind))
    got = [str(v) for v in column] if kind == "date" else [None if pd.isna(v) else v for v in column]
    assert got == wanted
    assert len(left) == lost


def test_neighbours_on_a_millimetre_grid_do_not_overlap(tmp_path: Path) -> None:
    toy = world(tmp_path)
    layer = toy.layers["suspected_plot"]
    shapes = [square(0), square(99.999), square(400)]  # 1 mm by 100 m: 0.1 m²
    checks = checks_of(
        replace(toy, layers={"suspected_plot": replace(layer, frame=layer.frame.set_geometry(shapes, crs=CRS))})
    )
    assert not [check for check in checks if check.id == "overlaps" and not check.is_passed]
    wide = [square(0), square(99.9), square(400)]  # 10 cm by 100 m
    checks = checks_of(
        replace(toy, layers={"suspected_plot": replace(layer, frame=layer.frame.set_geometry(wide, crs=CRS))})
    )
    (failed,) = [check for check in checks if check.id == "overlaps" and not check.is_passed]
    assert "10.00 m²" in failed.got
    assert NORTH  # the place is in the toy's square


def test_overlaps_are_allowed_where_the_profile_says_so(tmp_path: Path) -> None:
    toy = planted("an overlap", tmp_path)
    layer = replace(toy.profile.layers[0], may_overlap=True)
    assert not is_stopped(checks_of(replace(toy, profile=replace(toy.profile, layers=(layer,)))))


def test_the_catalogue_is_read_once() -> None:
    assert catalogue() is catalogue()
