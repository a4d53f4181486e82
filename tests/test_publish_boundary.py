"""A boundary-point file that its own reader would refuse is refused before anything is written, by layer, limit and remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publish_toy import CRS, DAY, PROFILE, plots, profile_of, square, world

from geosys.layers import boundary_lines
from geosys.layers.boundary_points import open_boundary_points
from geosys.publish import boundary_checks
from geosys.publish.boundary_checks import READER, Limits, check_boundary_points
from geosys.publish.check_words import Findings, is_stopped
from geosys.publish.checks import check_layers
from geosys.publish.files import boundary_texts
from geosys.publish.shaping import shape_layers

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.publish.content import Check, ShapedLayer

# Three squares of four corners, the second with a square hole: 3 × 5 + 5 points written, 12 lines of head, 3 lines of plots.
LINES, PLOTS, FURTHER = 12 + 3 + 20, 3, 1


def toy(folder: Path) -> ShapedLayer:
    made = world(folder)
    return shape_layers(made.profile, made.layers, made.results, CRS)[0]


def failed(layer: ShapedLayer, **limits: int) -> list[Check]:
    told = Findings(layer.layer.name)
    check_boundary_points(layer, told, Limits(**limits))
    return [check for check in told.rows if not check.is_passed]


@pytest.mark.parametrize(("limit", "size", "got"), [
    ("lines", LINES, "35 行 lines"), ("plots", PLOTS, "3 地块 plots"), ("further_rings", FURTHER, "1 除各地块首圈外的圈"),
    ("plot_rings", 2, "2 圈 rings"), ("plot_points", 10, "10 点 points"),
])  # fmt: skip
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(limit: str, size: int, got: str, tmp_path: Path) -> None:
    layer = toy(tmp_path)
    assert not failed(layer, **{limit: size})
    (check,) = failed(layer, **{limit: size - 1})
    assert (check.id, check.stops) == ("boundary_size", True)
    assert check.where.startswith("DK (txt) DKBM=J1 @" if limit.startswith("plot_") else "DK (txt)")
    assert check.got.startswith(got)
    assert check.expected == f"≤ {size - 1}"
    assert "where" in check.do.en
    assert "'txt'" in check.do.en


@given(
    sides=st.lists(st.integers(3, 30), min_size=1, max_size=6), holes=st.integers(0, 3), name=st.text("厂𠮷a，", max_size=40),
    crs=st.sampled_from([CRS, "EPSG:4526", "EPSG:4490"]),
)  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_counted_is_what_is_written(tmp_path: Path, sides: list[int], holes: int, name: str, crs: str) -> None:
    """Lines are exact (the header of degrees is shorter); bytes are never fewer than those of the file."""
    shapes = []
    for row, corners in enumerate(sides):
        disc = shapely.Point(square(200 * row).centroid).buffer(50, quad_segs=corners)
        inner = [shapely.affinity.translate(square(200 * row + 30 + 12 * n, 45, 6)).exterior for n in range(holes)]
        shapes.append(shapely.MultiPolygon([shapely.Polygon(disc.exterior, inner)]))
    first = toy(tmp_path)
    frame = gpd.GeoDataFrame({f.name: [None] * len(shapes) for f in first.layer.fields}, geometry=shapes, crs=CRS)
    frame = frame.to_crs(crs).assign(DKBM=[f"J{n}" for n in range(len(shapes))], DKMC=name)
    layer = replace(first, frame=frame)
    path = tmp_path / "DK.txt"
    boundary_texts.write_layer(path, layer, profile_of(PROFILE, tmp_path), DAY)
    data = path.read_bytes()
    lines = len(data.decode("gb18030").splitlines())
    head = 3 if crs == "EPSG:4490" else 0
    assert not failed(layer, lines=lines + head, size=2 * len(data) + 2000)
    assert [c.got for c in failed(layer, lines=lines + head - 1)] == [f"{lines + head} 行 lines"]
    assert failed(layer, size=len(data))


def test_what_the_reader_refuses_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader itself with a lowered limit, and the checks of a whole package with the same one."""
    layer, profile = toy(tmp_path), profile_of(PROFILE, tmp_path)
    boundary_texts.write_layer(tmp_path / "DK.txt", layer, profile, DAY)
    assert (READER.lines, READER.size, READER.plots) == (500_000, 32_000_000, 100_000)
    for lines, takes in ((LINES, True), (LINES - 1, False)):
        monkeypatch.setattr(boundary_lines, "MOST_LINES", lines)
        monkeypatch.setattr(boundary_checks, "READER", Limits(lines=lines))
        if takes:
            assert len(open_boundary_points(tmp_path / "DK.txt").blocks) == PLOTS
        else:
            with pytest.raises(Exception, match="more than 34 lines"):
                open_boundary_points(tmp_path / "DK.txt")
        checks = check_layers(profile, [layer], world(tmp_path).setting)
        assert is_stopped(checks) != takes
        without = profile_of(PROFILE.replace(' "txt",', ""), tmp_path)
        assert not [c for c in check_layers(without, [layer], world(tmp_path).setting) if c.id == "boundary_size"]


def test_rows_without_a_shape_are_counted_by_another_check(tmp_path: Path) -> None:
    layer = toy(tmp_path)
    frame = layer.frame.set_geometry(gpd.GeoSeries([None, *layer.frame.geometry[1:]], crs=CRS))
    assert not failed(replace(layer, frame=frame))
    assert len(plots().frame) == PLOTS
