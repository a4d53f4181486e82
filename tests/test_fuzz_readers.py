"""Damaged deliveries of every format: read or refused in words, never a crash, a hang, much memory or a stray file."""

from __future__ import annotations

import random
import shutil

import pytest
from fuzz_readers import FORMATS, damage, fuzz, make_seeds

from geosys.layers.readers import list_tables, read_delivery

COUNT = 150


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    folder = tmp_path_factory.mktemp("box")
    make_seeds(folder / "seeds")
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_deliveries_are_read_or_refused(box, name):
    report = fuzz(name, COUNT, 7, box / "seeds", box)
    assert not report.failures, "\n".join(report.failures)
    assert report.read + report.refused == COUNT
    assert report.read > 0, "nothing gets past the first check: the damage is too coarse to show anything"
    assert report.refused > 0


@pytest.mark.parametrize("name", FORMATS)
def test_the_deliveries_are_right_before_they_are_damaged(box, name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(box / "seeds" / name, folder)
    path = folder / ("a.shp" if name in ("shx", "dbf") else f"a.{name}")
    for table in list_tables(path):
        assert read_delivery(path, table.name, None, ("编号", "经度", "纬度")).size > 0


def test_damage_is_the_same_for_the_same_seed():
    data = bytes(range(256)) * 20
    assert damage(data, random.Random("a")) == damage(data, random.Random("a"))  # noqa: S311
    assert len({damage(data, random.Random(str(i))) for i in range(50)}) > 40  # noqa: S311
