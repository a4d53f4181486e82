"""The overlay on a Dask cluster: identical to one machine's, whoever dies, and refused where machines differ."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dask
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from distributed import Client, LocalCluster

from geosys._errors import CrsError, DeliveryError, GeoSysError, WorkspaceError
from geosys.geo import cluster as on_cluster
from geosys.geo.cluster import mark_of, overlay_on_cluster, partitions, versions_here
from geosys.geo.overlay import overlay_areas
from geosys.inbox import add_deliveries
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import init_workspace, read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

CRS = "EPSG:4547"
WEST, SOUTH = 500_000.0, 3_850_000.0
NAMES = {"coverage_id": "patch", "risk_id": "id", "true_area": "area_m2"}


def wavy_cells(side: int, per_edge: int) -> NDArray:
    """Return a gap-free coverage of 100 m cells; neighbours share their wavy borders bit for bit."""
    t = np.linspace(0.0, 1.0, per_edge)

    def edge(i: int, j: int, *, upright: bool) -> NDArray:
        wave = 8.0 * np.sin(np.pi * t) * np.sin(17.0 * t + i + 3 * j)
        along = 100.0 * t
        xy = (wave, along) if upright else (along, wave)
        return np.column_stack([xy[0] + WEST + 100.0 * i, xy[1] + SOUTH + 100.0 * j])

    return np.array(
        [
            shapely.Polygon(
                np.concatenate(
                    [
                        edge(i, j, upright=False),
                        edge(i + 1, j, upright=True)[1:],
                        edge(i, j + 1, upright=False)[::-1][1:],
                        edge(i, j, upright=True)[::-1][1:-1],
                    ]
                )
            )
            for j in range(side)
            for i in range(side)
        ]
    )


def star(x: float, y: float, radius: float, points: int) -> shapely.Polygon:
    angle = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    reach = radius * (1.0 + 0.2 * np.sin(37.0 * angle))
    return shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a coverage of 1,600 patches in 200 row groups, and two risk layers with text and number ids."""
    place = tmp_path_factory.mktemp("shared")
    cells = wavy_cells(40, 100)
    land = gpd.GeoDataFrame({"patch": [f"P{k:04d}" for k in range(len(cells))]}, geometry=cells, crs=CRS)
    land["area_m2"] = shapely.area(cells) * 1.0003
    zones = gpd.GeoDataFrame(
        {"id": ["inner", "outer", "none"]},
        geometry=[star(WEST + 1500, SOUTH + 2000, 900, 9_000), star(WEST + 2000, SOUTH + 2000, 2_100, 9_000), None],
        crs=CRS,
    )
    rng = np.random.default_rng(8)
    spots = shapely.buffer(shapely.points(rng.uniform(0, 4000, (80, 2)) + np.array([WEST, SOUTH])), 120.0)
    small = gpd.GeoDataFrame({"id": range(80)}, geometry=spots, crs=CRS)
    for name, frame, rows in (("land", land, 8), ("zones", zones, 100), ("small", small, 100)):
        frame.to_parquet(
            place / f"{name}.parquet", write_covering_bbox=True, schema_version="1.1.0", row_group_size=rows
        )
    return place


def risks_in(folder: Path) -> dict[str, Path]:
    return {"small": folder / "small.parquet", "zones": folder / "zones.parquet"}


@pytest.fixture(scope="module")
def alone(folder: Path) -> pd.DataFrame:
    return overlay_areas(folder / "land.parquet", risks_in(folder), **NAMES)


@contextlib.contextmanager
def started(workers: int) -> Iterator[LocalCluster]:
    """Start a cluster of processes on free ports, without pages or warnings about them."""
    with (
        dask.config.set({"logging.distributed": "critical"}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def pair() -> Iterator[LocalCluster]:
    with started(2) as cluster:
        yield cluster


@pytest.fixture
def cluster(pair: LocalCluster) -> LocalCluster:
    """Return the cluster with both workers there, also after a test that killed one."""
    with watching(pair) as client:
        client.wait_for_workers(2, timeout=60)
    return pair


@contextlib.contextmanager
def watching(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        yield client


def compute(cluster: LocalCluster, folder: Path, **options: object) -> pd.DataFrame:
    asked = {**NAMES, **options}
    return overlay_on_cluster(
        asked.pop("coverage", folder / "land.parquet"),
        asked.pop("risks", risks_in(folder)),
        address=cluster.scheduler_address,
        **asked,
    )


def assert_identical(one: pd.DataFrame, two: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    for column in one.columns[3:]:
        assert one[column].to_numpy().tobytes() == two[column].to_numpy().tobytes()


# --- the same table ---


def test_a_cluster_returns_the_table_of_one_machine_to_the_bit(cluster, folder, alone):
    steps = []
    found = compute(cluster, folder, progress=lambda *step: steps.append(step))
    assert len(alone) > 2_500
    assert_identical(found, alone)
    done = [step[0] for step in steps]
    assert done[0] == 0
    assert done == sorted(set(done))
    assert {step[1] for step in steps} == {done[-1]}
    assert len(steps) > 30


def test_how_the_row_groups_are_shared_out_does_not_matter(cluster, folder, alone, monkeypatch):
    monkeypatch.setattr(on_cluster, "GROUPS_PER_TASK", 23)
    assert_identical(compute(cluster, folder), alone)


def test_without_true_areas_and_with_layers_apart(cluster, folder, tmp_path):
    lonely = gpd.GeoDataFrame({"id": [1]}, geometry=[shapely.box(WEST - 900, SOUTH, WEST - 800, SOUTH + 9)], crs=CRS)
    lonely.to_parquet(tmp_path / "lonely.parquet", write_covering_bbox=True, schema_version="1.1.0")
    for risks in ({"zones": folder / "zones.parquet"}, {"lonely": tmp_path / "lonely.parquet"}):
        here = overlay_areas(folder / "land.parquet", risks, coverage_id="patch", risk_id="id")
        assert_identical(compute(cluster, folder, risks=risks, true_area=None), here)
        assert "ellipsoidal_m2" not in here


@pytest.mark.parametrize(("groups", "threads"), [(0, 1), (1, 8), (7, 2), (200, 2), (3_000, 64)])
def test_partitions_hold_every_row_group_once_in_order(groups, threads):
    tasks = partitions(list(range(3, 3 + groups)), threads)
    assert [g for task in tasks for g in task] == list(range(3, 3 + groups))
    assert all(1 <= len(task) <= on_cluster.GROUPS_PER_TASK for task in tasks)
    assert len(tasks) >= min(groups, 3 * threads)


# --- what dies ---


def killer(cluster: LocalCluster, client: Client, killed: list[int], most: int = 1) -> Callable[[int, int], None]:
    """Return a progress that once kills busy workers, while tasks run on them and others are to be done."""

    def progress(done: int, total: int) -> None:
        busy = [name for name, tasks in client.processing().items() if tasks]
        if killed or not done or len(busy) < most:
            return
        pids = {worker.worker_address: worker.process.pid for worker in cluster.workers.values()}
        for name in busy[:most]:
            os.kill(pids[name], signal.SIGKILL)
        killed.extend([done, total])

    return progress


@pytest.mark.parametrize("most", [1, 2], ids=["one", "all that hold the risk layers"])
def test_workers_killed_in_the_middle_change_nothing(cluster, folder, alone, most):
    killed: list[int] = []
    with watching(cluster) as client:
        found = compute(cluster, folder, progress=killer(cluster, client, killed, most))
    assert 0 < killed[0] < killed[1] // 2
    assert_identical(found, alone)


def test_a_task_that_takes_workers_down_is_named(cluster, folder, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    killed: list[int] = []
    with watching(cluster) as client, pytest.raises(GeoSysError, match=r"1 workers killed by row groups \[.*memory"):
        compute(cluster, folder, progress=killer(cluster, client, killed))
    assert killed


def test_no_scheduler_no_worker_and_a_lost_scheduler_are_clear_errors(folder, monkeypatch):
    monkeypatch.setattr(on_cluster, "WAIT_S", 1.0)
    with started(0) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(GeoSysError, match=f"no worker at {address} for 1 s.*dask worker {address}"):
            compute(cluster, folder)
        client = Client(address, set_as_default=False, timeout=1)
        assert on_cluster._threads(client) == {}
    with pytest.raises(GeoSysError, match="scheduler was lost in the middle"):
        on_cluster._threads(client)
    client.close()
    with pytest.raises(GeoSysError, match=f"no answer from a scheduler at '{address}'"):
        overlay_on_cluster(folder / "land.parquet", risks_in(folder), **NAMES, address=address)


@pytest.mark.parametrize("address", ["", "host", "host:8786", "http://host:8786", "tcp://host", "tcp://host:port"])
def test_an_address_that_is_none_is_refused_at_once(folder, address):
    with pytest.raises(GeoSysError, match="expected one as 'tcp://host:8786'"):
        overlay_on_cluster(folder / "land.parquet", risks_in(folder), **NAMES, address=address)


def test_a_tls_address_without_certificates_is_refused(folder):
    with pytest.raises(GeoSysError, match="DASK_DISTRIBUTED__COMM__TLS__CA_FILE"):
        overlay_on_cluster(folder / "land.parquet", risks_in(folder), **NAMES, address="tls://127.0.0.1:8786")


def test_an_environment_without_distributed_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(GeoSysError, match=r"pip install 'geosys\[cluster\]'"):
        overlay_on_cluster(folder / "land.parquet", risks_in(folder), **NAMES, address="tcp://127.0.0.1:8786")


# --- what must be the same everywhere ---


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs a path that each process sees otherwise")
def test_a_worker_that_sees_no_or_another_coverage_is_named(cluster, folder, tmp_path):
    """`/proc/self/cwd` is each process's own folder: one path, and one worker that stands elsewhere."""
    land = Path("/proc/self/cwd") / "land.parquet"
    here = Path.cwd()
    with watching(cluster) as client, contextlib.ExitStack() as after:
        after.callback(os.chdir, here)
        after.callback(client.run, os.chdir, str(here))
        os.chdir(folder)
        client.run(os.chdir, str(folder))
        lost = sorted(client.nthreads())[1]
        assert len(compute(cluster, folder, coverage=land))
        client.run(os.chdir, str(tmp_path), workers=[lost])
        with pytest.raises(GeoSysError, match=f"^cluster: worker {lost}: got no {land} .*Share the folder") as error:
            compute(cluster, folder, coverage=land)
        assert str(error.value).count("worker tcp") == 1
        shutil.copy(folder / "small.parquet", tmp_path / "land.parquet")
        with pytest.raises(GeoSysError, match=f"^cluster: worker {lost}: got another file under {land}"):
            compute(cluster, folder, coverage=land)


def test_workers_of_another_version_are_named_with_theirs(cluster, folder, monkeypatch):
    real = dict(versions_here())
    other = tuple({**real, "engine": "0123456789ab"}.items())
    monkeypatch.setattr(on_cluster, "versions_here", lambda: other)
    said = f"worker tcp://[^ ]*: got engine {real['engine']} \\(expected 0123456789ab\\). Start it from the same"
    with pytest.raises(GeoSysError, match=said) as error:
        compute(cluster, folder)
    assert str(error.value).count("worker tcp") == 2


def test_a_worker_that_joins_later_is_checked_by_its_tasks(cluster, folder, monkeypatch):
    monkeypatch.setattr(on_cluster, "_ready_threads", lambda *_: 2)
    monkeypatch.setattr(on_cluster, "versions_here", lambda: (("engine", "0123456789ab"),))
    with pytest.raises(GeoSysError, match=r"worker tcp://.*expected 0123456789ab"):
        compute(cluster, folder)


def test_the_mark_is_that_of_the_content(folder, tmp_path):
    frame = gpd.read_parquet(folder / "small.parquet")
    options = {"write_covering_bbox": True, "schema_version": "1.1.0"}
    frame.to_parquet(tmp_path / "a.parquet", **options)
    shutil.copy(tmp_path / "a.parquet", tmp_path / "b.parquet")
    frame.assign(geometry=frame.translate(0.5)).to_parquet(tmp_path / "c.parquet", **options)
    marks = [mark_of(tmp_path / f"{name}.parquet") for name in "abc"]
    assert marks[0] == marks[1] != marks[2]


def test_wrong_files_are_refused_as_on_one_machine(cluster, folder, tmp_path):
    with pytest.raises(DeliveryError, match="expected 'parcel' among them"):
        compute(cluster, folder, coverage_id="parcel")
    with pytest.raises(DeliveryError, match="no Parquet"):
        compute(cluster, folder, coverage=tmp_path / "absent.parquet")
    gpd.read_parquet(folder / "small.parquet").to_crs("EPSG:4548").to_parquet(tmp_path / "far.parquet")
    with pytest.raises(CrsError, match="far"):
        compute(cluster, folder, risks={"far": tmp_path / "far.parquet"})
    points = gpd.GeoDataFrame({"patch": ["a"], "area_m2": [1.0]}, geometry=[shapely.Point(WEST, SOUTH)], crs=CRS)
    points.to_parquet(tmp_path / "points.parquet")
    with pytest.raises(DeliveryError, match="no polygon"):
        compute(cluster, folder, coverage=tmp_path / "points.parquet")


def test_a_run_lays_the_layers_over_the_land_the_same_on_a_cluster_and_after_a_change(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    root = tmp_path / "w"
    content = read_content()
    init_workspace(root, "覆盖", CRS)
    cells = wavy_cells(12, 12)
    land = gpd.GeoDataFrame({"BSM": [f"P{k:04d}" for k in range(len(cells))]}, geometry=cells, crs=CRS)
    land.to_file(root / "inbox" / "land.gpkg", layer="land")
    spots = [star(WEST + 300.0 + 250 * k, SOUTH + 600, 200, 60) for k in range(3)]
    zones = gpd.GeoDataFrame({"zone_code": ["Z1", "Z2", "Z3"]}, geometry=spots, crs=CRS)
    zones.to_file(root / "inbox" / "zones.gpkg", layer="zones")
    add_deliveries(root, [root / "inbox" / "land.gpkg"], "land_patch", content.catalogue)
    add_deliveries(root, [root / "inbox" / "zones.gpkg"], "source_zone", content.catalogue)

    def pairs(address: str | None) -> pd.DataFrame:
        workspace = read_workspace(root, content.catalogue)
        result = run(workspace, content, dt.date(2026, 9, 30), lambda *_: None, address)
        assert (result.overlay is None) == ("overlay" not in result.paths)
        return result.overlay if result.overlay is None else pd.read_parquet(result.paths["overlay"])

    assert pairs(None) is None
    with pytest.raises(WorkspaceError, match="overlay = "):
        pairs(cluster.scheduler_address)
    plan = root / "geosys.toml"
    plan.write_text('overlay = "land_patch"\n' + plan.read_text(encoding="utf-8"), encoding="utf-8")
    first = pairs(None)
    pieces = gpd.overlay(zones, land, how="intersection", keep_geom_type=True)
    assert len(first) == len(pieces)
    assert first["area_m2"].sum() == pytest.approx(pieces.area.sum(), rel=1e-9)
    pd.testing.assert_frame_equal(pairs(cluster.scheduler_address), first)
    moved = zones.assign(geometry=[spots[0], shapely.affinity.translate(spots[1], 35.0, 0.0), spots[2]])
    (root / "inbox" / "zones.gpkg").unlink()
    moved.to_file(root / "inbox" / "zones.gpkg", layer="zones")
    second = pairs(None)
    assert not second.equals(first)
    assert second["area_m2"].sum() == pytest.approx(
        gpd.overlay(moved, land, how="intersection", keep_geom_type=True).area.sum(), rel=1e-9
    )
    shutil.rmtree(root / "store" / "overlay")
    pd.testing.assert_frame_equal(pairs(None), second)
