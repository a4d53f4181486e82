"""Change runs: the same table as a full run, to the bit, whatever was edited between two runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from geosys._errors import CrsError, DeliveryError
from geosys.geo import changes, overlay, snapshot
from geosys.geo.changes import overlay_changes
from geosys.geo.flat.digests import digest_of, digests_of, find, places_of
from geosys.geo.overlay import overlay_areas

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CRS = "EPSG:4547"
CORNER = np.array([500_000.0, 3_850_000.0])
SIDE = 20  # patches along each side
GROUP = 40  # rows of a row group


@dataclass
class World:
    """Hold a coverage and risk layers on file, which a test edits and writes again."""

    folder: Path
    land: gpd.GeoDataFrame
    risks: dict[str, gpd.GeoDataFrame]

    def write(self) -> None:
        write(self.land, self.folder / "land.parquet")
        for name, frame in self.risks.items():
            write(frame, self.folder / f"{name}.parquet")

    def run(self, *, check: bool = True, **options: object) -> pd.DataFrame:
        """Run with what the last run left behind, and compare with a full run."""
        self.write()
        found = self.call(overlay_changes, state=self.folder / "state", **options)
        if check:
            same(found, self.call(overlay_areas, **options))
        return found

    def call(self, function: Callable[..., pd.DataFrame], **options: object) -> pd.DataFrame:
        files = {name: self.folder / f"{name}.parquet" for name in self.risks}
        return function(self.folder / "land.parquet", files, coverage_id="patch", risk_id="id", **options)


def write(frame: gpd.GeoDataFrame, path: Path) -> None:
    frame.to_parquet(path, write_covering_bbox=True, schema_version="1.1.0", row_group_size=GROUP)


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Compare two tables: columns, types, categories, order, and every bit of the numbers."""
    assert one.columns.tolist() == two.columns.tolist()
    assert one.dtypes.tolist() == two.dtypes.tolist()
    assert one["layer"].cat.categories.tolist() == two["layer"].cat.categories.tolist()
    assert one.index.equals(two.index)
    for name in one.columns:
        mine, other = one[name].to_numpy(), two[name].to_numpy()
        if mine.dtype == float:
            assert mine.tobytes() == other.tobytes(), name
        else:
            assert mine.tolist() == other.tolist(), name


def told(frame: pd.DataFrame) -> dict:
    return frame.attrs["changes"]


def star(rng: np.random.Generator, middle: np.ndarray, size: float) -> shapely.Polygon:
    """Return a polygon whose vertices are seen from its middle: valid whatever the draw."""
    angles = (np.arange(9) + rng.uniform(0, 0.8, 9)) * 2 * np.pi / 9
    away = size * rng.uniform(0.4, 1, 9)
    return shapely.Polygon(middle + np.stack([away * np.cos(angles), away * np.sin(angles)], axis=1))


def patches(rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return warped cells of 100 m that share their borders bit for bit."""
    x, y = np.meshgrid(np.arange(SIDE + 1) * 100.0, np.arange(SIDE + 1) * 100.0)
    x, y = x + rng.uniform(-30, 30, x.shape) + CORNER[0], y + rng.uniform(-30, 30, y.shape) + CORNER[1]
    rings = np.stack([x[:-1, :-1], y[:-1, :-1], x[:-1, 1:], y[:-1, 1:], x[1:, 1:], y[1:, 1:], x[1:, :-1], y[1:, :-1]])
    shapes = shapely.polygons(rings.reshape(4, 2, -1).transpose(2, 0, 1))
    ids = [f"P{k:04d}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"patch": ids, "own_m2": shapely.area(shapes) * 1.0001}, geometry=shapes, crs=CRS)


def stars(rng: np.random.Generator, count: int, size: float, first: int = 0) -> gpd.GeoDataFrame:
    shapes = [star(rng, CORNER + rng.uniform(200, SIDE * 100 - 200, 2), size) for _ in range(count)]
    return gpd.GeoDataFrame({"id": np.arange(first, first + count)}, geometry=shapes, crs=CRS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return 400 patches in 10 row groups, 60 small features in 2, and 6 large ones with one that holds the corners."""
    rng = np.random.default_rng(3)
    frame = shapely.difference(
        shapely.box(*(CORNER - 50), *(CORNER + SIDE * 100 + 50)), shapely.box(*CORNER, *(CORNER + SIDE * 100))
    )
    large = stars(rng, 5, 700.0)
    large = pd.concat([large, gpd.GeoDataFrame({"id": [99]}, geometry=[frame], crs=CRS)], ignore_index=True)
    pair = shapely.MultiPolygon([star(rng, CORNER + 400, 90), star(rng, CORNER + 1_500, 90)])
    small = stars(rng, 59, 90.0, 100)
    small = pd.concat([small, gpd.GeoDataFrame({"id": [300]}, geometry=[pair], crs=CRS)], ignore_index=True)
    return World(tmp_path, patches(rng), {"small": small, "large": large})


# any edits


def moved(rng: np.random.Generator, shape: shapely.Geometry) -> shapely.Geometry:
    if shape is None or shape.is_empty:
        return star(rng, CORNER + rng.uniform(200, SIDE * 100 - 200, 2), 60)
    xy = shapely.get_coordinates(shape)
    xy[xy[:, 0] == xy[rng.integers(len(xy)), 0], 0] += rng.uniform(-2, 2)
    return shapely.set_coordinates(shape, xy)


def edited(rng: np.random.Generator, frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    """Return a layer after one edit drawn at random."""
    n = len(frame)
    if n < 3:
        return frame
    at, other = rng.integers(n), rng.integers(n)
    kind = rng.integers(8)
    frame = frame.copy()
    if kind <= 1:  # one vertex
        frame.loc[at, frame.geometry.name] = moved(rng, frame.geometry[at])
    elif kind == 2:  # a row less
        frame = frame.drop(index=at)
    elif kind == 3:  # a row more, alike or the same but for its id
        row = frame.iloc[[at]].copy()
        if rng.random() < 0.5:
            row[key] = "new" if frame[key].dtype.kind not in "iu" else 7_000 + at
        frame = pd.concat([frame.iloc[:other], row, frame.iloc[other:]])
    elif kind == 4:  # two rows change places
        order = np.arange(n)
        order[[at, other]] = order[[other, at]]
        frame = frame.iloc[order]
    elif kind == 5:  # another id
        frame.loc[at, key] = frame[key].iloc[other]
    elif kind == 6:  # its geometry goes
        frame.loc[[at], frame.geometry.name] = gpd.GeoSeries([None], index=[at], crs=CRS)
    else:  # rows turned round
        frame = frame.iloc[np.roll(np.arange(n), other)]
    return frame.reset_index(drop=True)


@pytest.mark.parametrize("seed", range(6))
def test_any_edits_give_what_a_full_run_gives(world: World, seed: int) -> None:
    rng = np.random.default_rng(seed)
    area = "own_m2" if seed % 2 else None
    world.run(true_area=area)
    for _ in range(6):
        for _ in range(rng.integers(1, 4)):
            name = rng.choice(["land", "small", "large"])
            if name == "land":
                world.land = edited(rng, world.land, "patch")
            else:
                world.risks[name] = edited(rng, world.risks[name], "id")
        if rng.random() < 0.3:
            world.risks[f"more{rng.integers(3)}"] = stars(rng, int(rng.integers(0, 4)), 200.0)
        found = world.run(true_area=area, threads=int(rng.integers(1, 4)))
        assert told(found)["reused"] + told(found)["computed"] == len(found)


def test_nothing_changed_computes_nothing(world: World) -> None:
    first = world.run()
    assert told(first)["reason"] == "no snapshot of an earlier run"
    assert (told(first)["reused"], told(first)["computed"]) == (0, len(first))
    steps: list[tuple[int, int]] = []
    for _ in range(2):
        again = world.run(progress=lambda done, total: steps.append((done, total)), check=False)
        same(again, first)
        assert told(again) == {
            "reused": len(first), "computed": 0, "changed_risks": 0, "changed_rows": 0, "groups_read": 0, "groups": 10,
            "reason": "",
        }  # fmt: skip
    assert steps == []


def test_only_pairs_of_changed_features_are_computed(world: World) -> None:
    world.run()
    world.land.loc[[45], "geometry"] = world.land.geometry[[45]].translate(1, 1)
    world.risks["small"].loc[[3], "geometry"] = world.risks["small"].geometry[[3]].translate(1, 1)
    found = world.run()
    ids = world.land["patch"][45], world.risks["small"]["id"][3]
    touched = (found["coverage_id"] == ids[0]) | ((found["layer"] == "small") & (found["risk_id"] == ids[1]))
    assert told(found)["computed"] == touched.sum() > 0
    assert (told(found)["changed_rows"], told(found)["changed_risks"], told(found)["reason"]) == (1, 1, "")
    assert 1 <= told(found)["groups_read"] <= 4


def test_scattered_and_clustered_edits(world: World) -> None:
    first = world.run()
    rng = np.random.default_rng(8)
    for rows in (rng.permutation(SIDE * SIDE)[:4], np.array([21, 22, 41, 42])):
        world.land.loc[rows, "geometry"] = world.land.geometry[rows].translate(0.5, 0.25)
        found = world.run()
        assert told(found)["changed_rows"] == 4
        assert 0 < told(found)["computed"] < 0.1 * len(first)


def test_ids_layers_and_rows_may_change_without_a_pair_computed(world: World) -> None:
    world.run()
    world.land["patch"] = [f"Q{k}" for k in range(len(world.land))]
    world.risks = {
        "renamed": world.risks["large"].assign(id=lambda f: f["id"].astype(str)),
        "small": world.risks["small"],
    }
    world.land = world.land.iloc[np.random.default_rng(0).permutation(len(world.land))].reset_index(drop=True)
    found = world.run()
    assert told(found)["computed"] == 0
    assert found["layer"].cat.categories.tolist() == ["renamed", "small"]
    assert found["coverage_id"].str.startswith("Q").all()


def test_rows_alike_have_all_their_pairs(world: World) -> None:
    world.run()
    world.land = pd.concat([world.land, world.land.iloc[[210, 210]]], ignore_index=True)
    world.risks["twice"] = world.risks["large"].copy()
    assert told(world.run())["computed"] == 0
    world.land = world.land.drop(index=210).reset_index(drop=True)
    del world.risks["large"]
    found = world.run()
    assert told(found)["computed"] == 0
    counts = found.groupby(["layer", "risk_id", "coverage_id"], observed=True).size()
    assert set(counts[counts.index.get_level_values(2) == "P0210"]) == {2}


def test_layers_may_be_empty_come_and_go(world: World) -> None:
    full = world.risks
    for risks in (full, {"small": full["small"].iloc[:0]}, full, {"large": full["large"]}, full):
        world.risks = dict(risks)
        world.run()
    world.land = world.land.iloc[:0]
    assert world.run().empty


def test_ellipsoidal_areas_follow_their_column(world: World) -> None:
    world.run(true_area="own_m2")
    world.land.loc[7, "own_m2"] *= 1.5
    found = world.run(true_area="own_m2")
    assert told(found)["changed_rows"] == 1
    assert "another column of areas" in told(world.run())["reason"]
    assert told(world.run())["reason"] == ""


def test_a_wider_reach_of_the_layers_is_right_too(world: World) -> None:
    world.run()
    world.risks["large"] = world.risks["large"].iloc[:5]
    world.run()
    world.risks["far"] = gpd.GeoDataFrame(
        {"id": [1]}, geometry=[shapely.box(*(CORNER - 333.3), *(CORNER + 40.7))], crs=CRS
    )
    found = world.run()
    assert told(found)["reason"] == "" or "reach" in told(found)["reason"]


def test_a_coverage_without_boxes_or_with_wrong_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run()
    world.land.loc[[45], "geometry"] = world.land.geometry[[45]].translate(1, 1)
    world.write()
    world.land.to_parquet(world.folder / "land.parquet", row_group_size=GROUP)
    same(world.call(overlay_changes, state=world.folder / "state"), world.call(overlay_areas))
    world.land.loc[[45], "geometry"] = world.land.geometry[[45]].translate(1, 1)
    world.write()
    away = np.tile([0.0, 0.0, 1.0, 1.0], (10, 1))
    monkeypatch.setattr(changes, "stated_boxes", lambda *_: away)
    found = world.call(overlay_changes, state=world.folder / "state")
    assert "states boxes" in told(found)["reason"]
    same(found, world.call(overlay_areas))


# what does not fit


def test_another_crs_program_or_threshold_starts_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run()
    monkeypatch.setattr(overlay, "LEAST_M2", 50.0)
    assert told(world.run())["reason"] == "the snapshot is of another least area"
    monkeypatch.setattr(changes, "FORMAT", changes.FORMAT + 1)
    assert told(world.run())["reason"] == "the snapshot is of another format"
    monkeypatch.setattr(changes, "_program", lambda: "another")
    assert told(world.run())["reason"] == "the snapshot is of another program"
    world.land, world.risks = (
        world.land.set_crs("EPSG:4548", allow_override=True),
        {name: frame.set_crs("EPSG:4548", allow_override=True) for name, frame in world.risks.items()},
    )
    assert told(world.run())["reason"] == "the snapshot is of another CRS"


def test_a_damaged_snapshot_is_never_used(world: World) -> None:
    expected = world.run()
    place = world.folder / "state" / snapshot.NAME
    whole = place.read_bytes()
    size = int.from_bytes(whole[24:32], "little")
    header = json.loads(whole[32 : 32 + size])
    spots = [32 + size + part[2] for part in header["parts"].values() if part[1][0]]
    assert len(spots) == 12 - 1  # no ellipsoidal areas
    contents = [b"", b"PK", whole[:20], whole[:-70], whole[: len(whole) // 2], whole.replace(b"GEOSNAP1", b"GEOSNAP2")]
    turned = (3, 12, 28, 40, 32 + size - 1, *spots)
    contents += [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in turned]
    contents.append((world.folder / "land.parquet").read_bytes())
    for content in contents:
        place.write_bytes(content)
        found = world.run(check=False)
        same(found, expected)
        assert "damaged" in told(found)["reason"]
        assert place.read_bytes() == whole


@pytest.mark.parametrize("step", ["open", "replace"])
def test_a_run_that_is_killed_leaves_the_last_snapshot(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = world.run()
    place = world.folder / "state" / snapshot.NAME
    before = place.read_bytes()
    old = world.land
    world.land = edited(np.random.default_rng(1), old, "patch")

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(snapshot, "_digest" if step == "open" else "_replace", fail)
        with pytest.raises(KeyboardInterrupt):
            world.run(check=False)
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.iterdir()] == [snapshot.NAME]
    world.land = old
    again = world.run()
    same(again, first)
    assert told(again)["reason"] == ""


def test_a_run_that_fails_says_what_a_full_run_says_and_keeps_the_snapshot(world: World) -> None:
    first = world.run()
    place = world.folder / "state" / snapshot.NAME
    before = place.read_bytes()
    good = world.land.copy()
    world.land.loc[[50], "geometry"] = shapely.Point(1, 2)
    with pytest.raises(DeliveryError, match="no polygon") as caught:
        world.run()
    with pytest.raises(DeliveryError) as full:
        world.call(overlay_areas)
    assert str(caught.value) == str(full.value)
    world.land = good.to_crs("EPSG:4490")
    with pytest.raises(CrsError):
        world.run()
    assert place.read_bytes() == before
    world.land = good
    same(world.run(), first)


# digests


def hexed(content: bytes, seed: int = 0) -> str:
    return "".join(f"{int(word):016x}" for word in digest_of(np.frombuffer(content, dtype=np.uint8), seed))


def test_short_digests_are_those_of_murmur3() -> None:
    """Source: values of MurmurHash3_x64_128 that A. Appleby's code gives, seed 0."""
    assert hexed(b"") == "0" * 32
    assert hexed(b"hello") == "cbd8a7b341bd9b025b1e906a48ae1d19"
    assert hexed(b"The quick brown fox jumps over the lazy dog") == "e34bbc7bbc071b6c7a433ca9c49a9347"


def test_digests_hang_on_the_bytes_and_the_seed_alone() -> None:
    rng = np.random.default_rng(4)
    for size in (0, 1, 7, 15, 16, 17, 31, 33, 63, 64, 65, 95, 97, 128, 1_000, 1_001):
        content = rng.integers(0, 256, size, dtype=np.uint8)
        expected = digest_of(content, 5)
        for before in range(9):
            for after in (0, 1, 3, 8, 40):
                data = np.concatenate(
                    [rng.integers(0, 256, before, dtype=np.uint8), content, np.zeros(after, dtype=np.uint8)]
                )
                offsets = np.array([before, before + size])
                assert (digests_of(data, offsets, np.array([5], dtype=np.uint64))[0] == expected).all()
        assert (digest_of(content, 6) != expected).any()


@pytest.mark.parametrize("size", [8, 29, 64, 93, 157, 400])
def test_each_bit_changes_half_of_all_bits(size: int) -> None:
    """One bit of input more or less turns every bit of output with a chance of a half: 64 ± 5.7 of 128."""
    rng = np.random.default_rng(size)
    share = np.zeros(128)
    trials = 0
    for _ in range(3):
        content = rng.integers(0, 256, size, dtype=np.uint8)
        flipped = np.tile(content, (size * 8, 1))
        bits = np.arange(size * 8)
        flipped[bits, bits // 8] ^= (1 << (bits % 8)).astype(np.uint8)
        found = digests_of(flipped.reshape(-1), np.arange(size * 8 + 1, dtype=np.int64) * size)
        turned = np.unpackbits((found ^ digest_of(content)).view(np.uint8), axis=1)
        assert (np.abs(turned.sum(axis=1, dtype=float) - 64) < 36).all()
        share += turned.sum(axis=0)
        trials += len(bits)
    assert (np.abs(share / trials - 0.5) < 4.5 * 0.5 / np.sqrt(trials)).all()


def test_near_equal_features_have_different_digests() -> None:
    """300,000 rings that differ by one last bit of one coordinate, or by two words that change places: not one alike."""
    rng = np.random.default_rng(9)
    ring = rng.uniform(500_000, 500_100, 40)
    one = np.tile(ring.view(np.uint64), (200_000, 1))
    at = np.arange(200_000)
    one[at, at % 40] += (at // 40 + 1).astype(np.uint64)
    two = np.tile(ring.view(np.uint64), (100_000, 1))
    two[:, 3], two[:, 7] = two[:, 3] + at[:100_000].astype(np.uint64), two[:, 7] - at[:100_000].astype(np.uint64)
    both = np.concatenate([one, two])
    found = digests_of(both.view(np.uint8).reshape(-1), np.arange(len(both) + 1, dtype=np.int64) * 320)
    assert len(np.unique(found[:, 0])) == len(np.unique(found[:, 1])) == len(found)


def test_digests_are_found_again_and_others_are_not() -> None:
    rng = np.random.default_rng(2)
    known = rng.integers(0, 2**63, (5_000, 2)).astype(np.uint64)
    known[3_000:, 0] = known[17, 0]  # many that share their place
    known[4_000] = known[3_500]
    asked = np.concatenate([known, known ^ np.uint64(1)])
    found = find(known, places_of(known), asked)
    expected = np.arange(5_000)
    expected[4_000] = 3_500
    assert found[:5_000].tolist() == expected.tolist()
    table = {tuple(row): k for k, row in reversed(list(enumerate(known.tolist())))}
    assert found[5_000:].tolist() == [table.get(tuple(row), -1) for row in asked[5_000:].tolist()]
    assert find(known[:0], places_of(known[:0]), asked[:3]).tolist() == [-1, -1, -1]


def test_row_groups_of_other_bytes_have_other_digests(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def digests(columns: tuple[str, ...] = ("geometry",)) -> list[tuple[int, ...]]:
        world.write()
        path = world.folder / "land.parquet"
        with ThreadPoolExecutor(2) as pool:
            return [tuple(row) for row in snapshot.group_digests(pq.ParquetFile(path), path, range(10), columns, pool)]

    before = digests()
    assert len(set(before)) == 10
    world.land["patch"] = "x"
    assert digests() == before
    assert digests(("geometry", "own_m2")) != before
    world.land.loc[[45], "geometry"] = world.land.geometry[[45]].translate(1e-9, 0)
    assert [one == two for one, two in zip(digests(), before, strict=True)] == [True] + [False] + [True] * 8
