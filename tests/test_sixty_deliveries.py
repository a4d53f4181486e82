"""Sixty deliveries: forty faults found with the right cause named, twenty clean ones not accused, nothing moved silently."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from sixty_deliveries import CLEAN, FAULTY, Made, make, place

from geosys.layers.delivery import Delivery
from geosys.layers.intake import take_in
from geosys.layers.issue_table import issue_frame
from geosys.layers.spec import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from geosys.layers.intake import Layer
    from geosys.layers.spec import Catalogue

MOST_APART_M = 1e-6


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


def taken(made: Made, catalogue: Catalogue) -> tuple[Layer | None, pd.DataFrame]:
    delivery = Delivery(path=made.file, name=made.file.name, layer=made.layer, **made.settings)
    here = replace(place(), reference=made.reference)
    layer, issues = take_in(catalogue.layers[made.layer], [delivery], here, catalogue)
    return layer, issue_frame(issues, catalogue, here.crs)


def told(issues: pd.DataFrame) -> str:
    """Return the issues for the message of a failing test."""
    columns = ["issue_type", "severity", "feature_id", "message_zh"]
    return "\n" + "\n".join(" | ".join(str(v)[:160] for v in row) for row in issues[columns].to_numpy())


def apart_m(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Return the largest distance of corresponding vertices, whichever corner a ring begins with."""
    a, b = (shapely.get_coordinates(shapely.normalize(g)) for g in (one, other))
    if a.shape == b.shape and (same := float(np.abs(a - b).max())) <= MOST_APART_M:
        return same
    return float(shapely.hausdorff_distance(one, other))


def is_told(issues: pd.DataFrame, feature: str) -> bool:
    """Say whether an issue of the feature, or one of its whole file, has what was before and what is after."""
    own = issues[issues["feature_id"].isin([feature, ""])]
    return bool(((own["before"] != "") & (own["after"] != "")).any())


def check_places(made: Made, layer: Layer, issues: pd.DataFrame) -> None:
    """Assert that every record lies where its writer meant it, or an issue says how it was changed."""
    for code, shape in zip(layer.frame["feature_id"], layer.frame.geometry, strict=True):
        if code in made.truth and apart_m(shape, made.truth[code]) > MOST_APART_M:
            assert is_told(issues, code), f"{code} moved silently by {apart_m(shape, made.truth[code])} m"


def check_values(made: Made, layer: Layer) -> None:
    frame = layer.frame.set_index("feature_id")
    got = {(code, name): frame.loc[code, name] for code, name in made.cells}
    assert got == dict(made.cells)


def test_there_are_sixty() -> None:
    assert (len(CLEAN), len(FAULTY)) == (20, 40)


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_delivery_is_taken_whole_and_not_accused(name: str, tmp_path: Path, catalogue: Catalogue) -> None:
    made = make(name, tmp_path / name)
    layer, issues = taken(made, catalogue)
    accused = issues[issues["severity"] != "notice"]
    assert layer is not None, told(issues)
    assert accused.empty, told(accused)
    assert sorted(layer.frame["feature_id"]) == sorted(made.truth)
    for code, shape in zip(layer.frame["feature_id"], layer.frame.geometry, strict=True):
        assert apart_m(shape, made.truth[code]) <= MOST_APART_M
    check_values(made, layer)


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_found_and_its_cause_named(name: str, tmp_path: Path, catalogue: Catalogue) -> None:
    made = make(name, tmp_path / name)
    layer, issues = taken(made, catalogue)
    named = issues[issues["issue_type"].isin(made.expected)]
    assert len(named), f"expected one of {made.expected}, got:{told(issues)}"
    assert any(re.search(made.says, f"{row.message_zh} {row.message_en}") for row in named.itertuples()), told(named)
    if made.rows:
        assert sorted(set(named["feature_id"])) == sorted(made.rows), told(named)
    others = issues[~issues["issue_type"].isin({*made.expected, *made.besides}) & (issues["severity"] != "notice")]
    assert others.empty, told(others)
    if layer is not None:
        check_places(made, layer, issues)
        check_values(made, layer)


@pytest.mark.parametrize("name", [*CLEAN, *FAULTY])
def test_the_sixty_are_the_same_each_time(name: str, tmp_path: Path) -> None:
    one, two = make(name, tmp_path / "one"), make(name, tmp_path / "two")
    assert one.file.name == two.file.name
    assert list(one.truth) == list(two.truth)
    assert all(one.truth[k].equals(two.truth[k]) for k in one.truth)
    assert (one.rows, one.expected) == (two.rows, two.expected)
