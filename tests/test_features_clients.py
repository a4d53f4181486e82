"""Programs that we did not write read the service over a real connection: GDAL's OAPIF driver and OWSLib; a slow one holds up nobody."""

from __future__ import annotations

import multiprocessing
import socket
import time
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import httpx
import numpy as np
import pyogrio
import pytest
import shapely
from features_town import EPSG, OUTFALL, PLAN, PLOT, SAMPLE, Client, outfalls, plots, samples, service_of
from postgres_server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = {OUTFALL: 1_200, PLOT: 60, SAMPLE: 5}


def _serve(folder: Path, port: int) -> None:
    import uvicorn

    service = service_of(
        folder, {OUTFALL: outfalls(ROWS[OUTFALL]), PLOT: plots(ROWS[PLOT]), SAMPLE: samples(ROWS[SAMPLE])}
    )
    uvicorn.run(Client(service)._app, host="127.0.0.1", port=port, log_level="error")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service in a process of its own: GDAL asks without giving Python a turn."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(tmp_path_factory.mktemp("services"), port), daemon=True
    )
    process.start()
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.is_alive(), "the service ended"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join(20)


def test_gdal_lists_every_collection(address: str) -> None:
    assert {row[0] for row in pyogrio.list_layers(f"OAPIF:{address}")} == set(ROWS)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4547", "EPSG:4526", "OGC:CRS84", "EPSG:3857"])
@pytest.mark.parametrize("layer", [OUTFALL, PLOT])
def test_gdal_reads_every_feature_where_it_is(address: str, layer: str, crs: str) -> None:
    got = gpd.read_file(f"OAPIF:{address}", layer=layer, engine="pyogrio", CRS=crs, PAGE_SIZE="100")
    frame = {OUTFALL: outfalls, PLOT: plots}[layer](ROWS[layer])
    assert len(got) == len(frame)
    wanted = frame.geometry.to_crs(crs).to_numpy()
    assert np.asarray(got["outfall_code" if layer == OUTFALL else "plot_code"]).tolist() == frame["feature_id"].tolist()
    far = shapely.hausdorff_distance(got.geometry.to_numpy(), wanted)
    assert far.max() < (1e-8 if crs in {"EPSG:4490", "OGC:CRS84"} else 1e-3)


def test_gdal_reads_features_without_a_place_in_every_system(address: str) -> None:
    for crs in ("EPSG:4490", "EPSG:4547", "OGC:CRS84"):
        assert len(pyogrio.read_dataframe(f"OAPIF:{address}", layer=SAMPLE, CRS=crs)) == ROWS[SAMPLE]


def test_gdal_filters_by_values_and_by_a_box(address: str) -> None:
    frame = outfalls(ROWS[OUTFALL])
    got = pyogrio.read_dataframe(f"OAPIF:{address}", layer=OUTFALL, where="river_name = '黄河' AND flow_t_d >= 5")
    wanted = frame[(frame["river_name"] == "黄河") & (frame["flow_t_d"] >= 5)]
    assert got["outfall_code"].tolist() == wanted["feature_id"].tolist()
    west, south, east, north = 518_000, 3_843_000, 522_000, 3_849_000
    got = pyogrio.read_dataframe(f"OAPIF:{address}", layer=OUTFALL, bbox=(west, south, east, north), CRS=PLAN)
    wanted = frame.cx[west:east, south:north]
    assert got["outfall_code"].tolist() == wanted["feature_id"].tolist() != []


def test_owslib_reads_collections_filters_and_pages(address: str) -> None:
    from owslib.ogcapi.features import Features

    client = Features(address)
    assert set(client.feature_collections()) == set(ROWS)
    assert client.collection(OUTFALL)["storageCrs"] == f"{EPSG}4490"
    assert "outfall_name" in client.collection_queryables(OUTFALL)["properties"]
    assert client.collection_item(OUTFALL, "C0004")["id"] == "C0004"
    told = client.collection_items(OUTFALL, limit=500, filter="river_name = '黄河'")
    assert told["numberMatched"] == int((outfalls(ROWS[OUTFALL])["river_name"] == "黄河").sum())
    names = [
        f["id"]
        for k in range(0, ROWS[OUTFALL], 500)
        for f in client.collection_items(OUTFALL, limit=500, offset=k)["features"]
    ]
    assert names == outfalls(ROWS[OUTFALL])["feature_id"].tolist()
    assert client.api()["openapi"].startswith("3.0")


def test_a_client_that_stops_in_the_middle_holds_up_nobody(address: str) -> None:
    host, port = "127.0.0.1", int(address.rpartition(":")[2])
    idle: list[Any] = []
    for _ in range(20):
        slow = socket.create_connection((host, port))
        slow.sendall(
            f"POST /collections/{OUTFALL}/items HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        idle.append(slow)
    try:
        for _ in range(5):
            assert httpx.get(f"{address}/collections/{OUTFALL}/items?limit=50", timeout=10).status_code == 200
    finally:
        for slow in idle:
            slow.close()
