"""Editing through the service: nobody's change is lost, nothing wrong gets in, and layer versions stay as they are."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import pytest
from features_town import (
    CLOCK,
    COUNTIES,
    EPSG,
    OUTFALL,
    PLAN,
    PLOT,
    REGION,
    Client,
    content,
    outfalls,
    plots,
    service_of,
)
from typer.testing import CliRunner

from geosys.accounts.viewer import LOCAL, Viewer
from geosys.cli import edits_command
from geosys.receive import receive
from geosys.web.service import make_service
from geosys.web.sources.edits import EditedSource, EditLog
from geosys.web.sources.port import EditableSource, FeatureSource, Query
from geosys.workspace import init_workspace, read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.web.service import Service

PATH = f"/collections/{OUTFALL}/items"
EDITOR = Viewer("wang", "editor", audience="internal")
GEOJSON = {"Content-Type": "application/geo+json"}


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return service_of(tmp_path, {OUTFALL: outfalls(40), PLOT: plots(20)})


@pytest.fixture
def client(service: Service) -> Client:
    return Client(service, EDITOR)


def point(code: str = "N1", x: float = 114.3, y: float = 34.75, **values: Any) -> dict[str, Any]:
    properties = {
        "outfall_code": code,
        "outfall_name": "新排口",
        "river_name": "惠济河",
        "county_code": COUNTIES[0],
        **values,
    }
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]}, "properties": properties}


def send(client: Client, method: str, path: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.ask(
        method, path, content=content, headers=GEOJSON | {k.replace("_", "-"): v for k, v in headers.items()}
    )


def test_a_feature_is_created_changed_and_taken_away(client: Client, service: Service) -> None:
    made = send(client, "POST", PATH, point())
    assert made.status_code == 201, made.text
    address, tag = made.headers["location"], made.headers["etag"]
    assert address == f"http://localhost:8000{PATH}/N1"
    assert client.ask("GET", address).json()["properties"]["outfall_name"] == "新排口"
    changed = send(
        client,
        "PATCH",
        address,
        {"properties": {"flow_t_d": 12.5}},
        If_Match=tag,
        Content_Type="application/merge-patch+json",
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["properties"]["outfall_name"] == "新排口"
    assert changed.json()["properties"]["flow_t_d"] == 12.5
    replaced = send(client, "PUT", address, point(x=114.31), If_Match=changed.headers["etag"])
    assert replaced.json()["properties"]["flow_t_d"] is None
    assert replaced.json()["geometry"]["coordinates"] == [114.31, 34.75]
    assert client.items(OUTFALL, bbox="114.3099,34.7499,114.3101,34.7501")["numberMatched"] == 1
    assert client.items(OUTFALL, bbox="114.2999,34.7499,114.3001,34.7501")["numberMatched"] == 0
    assert client.ask("DELETE", address, headers={"If-Match": replaced.headers["etag"]}).status_code == 204
    assert client.ask("GET", address).status_code == 404
    assert client.items(OUTFALL)["numberMatched"] == 40
    again = send(client, "POST", PATH, point())
    assert again.headers["etag"] not in {tag, changed.headers["etag"], replaced.headers["etag"]}, (
        "an old tag would fit the new feature"
    )
    assert isinstance(service.source, EditableSource)
    assert isinstance(service.source, FeatureSource)


def test_the_version_stays_as_it_is_and_the_journal_tells_all(client: Client, service: Service, tmp_path: Path) -> None:
    base = service.source._base  # type: ignore[attr-defined]
    before = base.items(OUTFALL, Query(("outfall_name",), limit=100))
    tag = client.get(f"{PATH}/C0003").headers["etag"]
    assert (
        send(client, "PATCH", f"{PATH}/C0003", {"properties": {"outfall_name": "改名"}}, If_Match=tag).status_code
        == 200
    )
    assert base.items(OUTFALL, Query(("outfall_name",), limit=100)) == before
    log = EditLog(tmp_path / "edits.sqlite")
    (change,) = log.changes(OUTFALL)
    assert (change.feature, change.operation, change.who, change.when) == (
        "C0003",
        "replace",
        "wang",
        "2026-09-30T08:00:00+00:00",
    )
    told = (
        json.loads(change.before or "")["properties"]["outfall_name"],
        json.loads(change.after or "")["properties"]["outfall_name"],
    )
    assert told == (before[3].values["outfall_name"], "改名")
    assert [f["id"] for f in client.items(OUTFALL)["features"]] == [f.id for f in before], (
        "a change moves no feature in the order"
    )
    log.close()


def test_a_change_needs_the_edition_it_was_made_from(client: Client) -> None:
    address = f"{PATH}/C0005"
    tag = client.get(address).headers["etag"]
    for header in ({}, {"If_Match": "*"}, {"If_Match": ""}):
        assert send(client, "PUT", address, point("C0005"), **header).status_code == 428
    assert client.ask("DELETE", address).status_code == 428
    for wrong in ('"v1-9"', f"W/{tag}", "x", tag.strip('"')):
        assert send(client, "PUT", address, point("C0005"), If_Match=wrong).status_code == 412
    assert send(client, "PUT", address, point("C0005"), If_Match=tag).status_code == 200
    assert send(client, "PUT", address, point("C0005"), If_Match=tag).status_code == 412
    assert client.ask("DELETE", address, headers={"If-Match": tag}).status_code == 412


def test_changes_at_one_time_are_never_lost(service: Service) -> None:
    """Each of six threads adds one to a number fifteen times, reading again where another was faster."""
    clients = [Client(service, dataclasses.replace(EDITOR, name=f"e{k}")) for k in range(6)]
    tag = clients[0].get(f"{PATH}/C0001").headers["etag"]
    assert send(clients[0], "PATCH", f"{PATH}/C0001", {"properties": {"flow_t_d": 0}}, If_Match=tag).status_code == 200
    refused: list[int] = []
    broken: list[str] = []

    def work(client: Client) -> None:
        for _ in range(15):
            while True:
                now = client.get(f"{PATH}/C0001")
                more = {"properties": {"flow_t_d": now.json()["properties"]["flow_t_d"] + 1}}
                answer = send(client, "PATCH", f"{PATH}/C0001", more, If_Match=now.headers["etag"])
                if answer.status_code == 200:
                    break
                if answer.status_code != 412:
                    broken.append(answer.text)
                    return
                refused.append(1)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken
    assert clients[0].get(f"{PATH}/C0001").json()["properties"]["flow_t_d"] == 90


WRONG = [
    ({"outfall_code": 5}, 400), ({"outfall_code": None}, 201), ({"outfall_type": "没有这种"}, 400), ({"outfall_code": "x" * 40}, 400), ({"is_traced": "是"}, 400),
    ({"found_on": "2025-02-30"}, 400), ({"found_on": "20250203"}, 400), ({"flow_t_d": "5"}, 400), ({"flow_t_d": True}, 400), ({"flow_t_d": -5}, 400),
    ({"nope": 1}, 400), ({"geosys_edition": 9}, 400), ({"outfall_name": {"a": 1}}, 400), ({"outfall_name": "a\u0000b"}, 400), ({"outfall_name": "x" * 101}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("values", "status"), WRONG)
def test_values_are_held_against_the_layer(client: Client, values: dict[str, Any], status: int) -> None:
    answer = send(client, "POST", PATH, point("N9") | {"properties": point("N9")["properties"] | values})
    assert answer.status_code == status, answer.text
    assert status == 201 or next(iter(values)) in answer.json()["detail"]


SHAPES = [
    None, {"type": "Polygon", "coordinates": [[[114.3, 34.7], [114.4, 34.7], [114.4, 34.8], [114.3, 34.7]]]}, {"type": "Point", "coordinates": [34.75, 114.3]},
    {"type": "Point", "coordinates": []}, {"type": "Point", "coordinates": ["a", 1]}, {"type": "Point"}, {"type": "Pint", "coordinates": [1, 2]}, 5,
    {"type": "Point", "coordinates": [1e308, 1e308]},
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_places_are_held_against_the_layer(client: Client, shape: Any) -> None:
    answer = send(client, "POST", PATH, point() | {"geometry": shape})
    assert answer.status_code == 400
    assert "geometry" in answer.json()["detail"]


def test_a_polygon_that_crosses_itself_or_is_open_is_refused(client: Client) -> None:
    tie = [[114.2, 34.7], [114.3, 34.8], [114.3, 34.7], [114.2, 34.8], [114.2, 34.7]]
    for ring in (tie, tie[:-1], [[114.2, 34.7], [114.3, 34.8], [114.2, 34.7]], [[114.2, 34.7]] * 30_000):
        body = {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"plot_code": "N"},
        }
        assert send(client, "POST", f"/collections/{PLOT}/items", body).status_code in {400, 413}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"5",
        b'{"type":"FeatureCollection"}',
        b"{" * 9000,
        b'{"type":"Feature","properties":5,"geometry":null}',
        b'{"type":"Feature","sql":1}',
        b'{"a":NaN}',
    ],
)
def test_bodies_that_are_no_feature_are_refused(client: Client, body: bytes) -> None:
    answer = send(client, "POST", PATH, body)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_sizes_kinds_and_methods_are_bounded(service: Service) -> None:
    client = Client(dataclasses.replace(service, most_body_bytes=1000), EDITOR)
    assert send(client, "POST", PATH, b"x" * 1001).status_code == 413
    assert client.ask("POST", PATH, content="{}", headers={"Content-Type": "text/xml"}).status_code == 415
    refused = client.ask("DELETE", PATH)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert client.ask("PUT", "/conformance").status_code == 405


def test_names_that_are_taken_or_do_not_fit_conflict(client: Client) -> None:
    assert send(client, "POST", PATH, point("C0001")).status_code == 409
    tag = client.get(f"{PATH}/C0001").headers["etag"]
    assert send(client, "PUT", f"{PATH}/C0001", point("C0002"), If_Match=tag).status_code == 409
    assert send(client, "PUT", f"{PATH}/C0001", point("C0001") | {"id": "other"}, If_Match=tag).status_code == 409
    assert send(client, "PUT", f"{PATH}/C9999", point("C9999"), If_Match=tag).status_code == 404


@pytest.mark.parametrize("code", ["4490", "4547", "3857"])
def test_places_are_taken_in_the_order_of_their_authority(client: Client, code: str) -> None:
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", f"EPSG:{code}").transform(114.3, 34.75)
    made = send(client, "POST", PATH, point(x=x, y=y), Content_Crs=f"<{EPSG}{code}>")
    assert made.status_code == 201, made.text
    np.testing.assert_allclose(made.json()["geometry"]["coordinates"], [114.3, 34.75], atol=2e-9)


def test_the_machine_measures_area_and_never_takes_it(client: Client) -> None:
    ring = [[114.2, 34.7], [114.21, 34.7], [114.21, 34.71], [114.2, 34.71], [114.2, 34.7]]
    body = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"plot_code": "N1", "plot_name": "新", "area_m2": 1.0},
    }
    answer = send(client, "POST", f"/collections/{PLOT}/items", body)
    assert answer.status_code == 201, answer.text
    wanted = abs(pyproj.Geod(a=6378137, rf=298.257222101).polygon_area_perimeter(*zip(*ring, strict=True))[0])
    assert answer.json()["properties"]["area_m2"] == pytest.approx(wanted, rel=1e-6)


# --- who may ---


def test_who_may_read_but_not_edit_is_told_so(service: Service) -> None:
    viewer = Client(service, dataclasses.replace(EDITOR, role="viewer"))
    assert send(viewer, "POST", PATH, point()).status_code == 403
    assert viewer.ask("OPTIONS", PATH).headers["allow"] == "GET, HEAD, OPTIONS"
    assert "post" not in viewer.get("/api").json()["paths"][PATH]
    assert send(viewer, "DELETE", f"{PATH}/C0001", "").status_code == 403
    assert service.source.count(OUTFALL, None) == 40


def test_a_county_edits_its_own_rows_only_before_and_after(service: Service) -> None:
    frame = outfalls(40)
    own, other = (frame[frame["county_code"] == c]["feature_id"].iloc[0] for c in COUNTIES)
    client = Client(service, dataclasses.replace(EDITOR, counties=frozenset({COUNTIES[0]})))
    tag = client.get(f"{PATH}/{own}").headers["etag"]
    assert send(client, "PATCH", f"{PATH}/{other}", {"properties": {"flow_t_d": 1}}, If_Match=tag).status_code == 404
    assert client.ask("DELETE", f"{PATH}/{other}", headers={"If-Match": tag}).status_code == 404
    moved = send(client, "PATCH", f"{PATH}/{own}", {"properties": {"county_code": COUNTIES[1]}}, If_Match=tag)
    assert moved.status_code == 403
    assert send(client, "POST", PATH, point("N3", county_code=COUNTIES[1])).status_code == 403
    assert send(client, "POST", PATH, point("N3")).status_code == 201
    assert send(client, "PATCH", f"{PATH}/{own}", {"properties": {"flow_t_d": 1}}, If_Match=tag).status_code == 200


def test_a_field_that_is_hidden_stays_as_it_was(tmp_path: Path) -> None:
    catalogue = content()
    spec = catalogue.layers[OUTFALL]
    fields = {
        n: dataclasses.replace(f, disclosure="internal" if n == "flow_t_d" else "shared")
        for n, f in spec.fields.items()
    }
    layers = dict(catalogue.layers) | {OUTFALL: dataclasses.replace(spec, disclosure="shared", fields=fields)}
    frame = outfalls(5).assign(flow_t_d=7.5)
    service = service_of(tmp_path, {OUTFALL: frame}, dataclasses.replace(catalogue, layers=layers))
    client = Client(service, Viewer("li", "editor", audience="shared"))
    tag = client.get(f"{PATH}/C0001").headers["etag"]
    assert send(client, "PUT", f"{PATH}/C0001", point("C0001", flow_t_d=1), If_Match=tag).status_code == 400
    answer = send(client, "PUT", f"{PATH}/C0001", point("C0001"), If_Match=tag)
    assert answer.status_code == 200, answer.text
    assert "flow_t_d" not in answer.text
    assert Client(service, LOCAL).get(f"{PATH}/C0001").json()["properties"]["flow_t_d"] == 7.5


# --- versions and deliveries ---


def test_a_newer_version_waits_for_changes_that_are_not_delivered(tmp_path: Path) -> None:
    first = service_of(tmp_path, {OUTFALL: outfalls(10)})
    assert send(Client(first, EDITOR), "POST", PATH, point()).status_code == 201
    first.source.close()

    class Newer:
        def __init__(self, base: Any) -> None:
            self._base = base

        def collections(self) -> Any:
            return {n: dataclasses.replace(c, version="v2") for n, c in self._base.collections().items()}

        def __getattr__(self, name: str) -> Any:
            return getattr(self._base, name)

    base = Newer(service_of(tmp_path / "base", {OUTFALL: outfalls(10)}).source._base)  # type: ignore[attr-defined]
    clock = first.clock
    kept = EditedSource(base, tmp_path / "edits.sqlite", clock)
    assert kept.count(OUTFALL, None) == 11
    assert kept.collections()[OUTFALL].version == "v1"
    kept._pool.close()
    log = EditLog(tmp_path / "edits.sqlite")
    taken = log.features(OUTFALL)
    assert taken is not None
    log.note_delivered(OUTFALL, taken[2])
    assert log.pending() == {OUTFALL: 0}
    log.close()
    newer = EditedSource(base, tmp_path / "edits.sqlite", clock)
    assert newer.count(OUTFALL, None) == 10
    assert newer.collections()[OUTFALL].version == "v2"
    newer.close()


def test_a_reviewer_delivers_an_edited_layer_to_the_next_run(tmp_path: Path) -> None:
    catalogue = content()
    init_workspace(tmp_path, "样例", PLAN, REGION)
    frame = outfalls(12).drop(columns="feature_id").to_crs("EPSG:4490")
    (tmp_path / "inbox").mkdir(exist_ok=True)
    frame.to_file(tmp_path / "inbox" / "first.geojson", driver="GeoJSON", engine="pyogrio")
    plan = tmp_path / "geosys.toml"
    entry = f'\n[[deliveries]]\nfile = "inbox/first.geojson"\nlayer = "{OUTFALL}"\ncrs = "EPSG:4490"\n'
    plan.write_text(plan.read_text(encoding="utf-8") + entry, encoding="utf-8")
    assert receive(read_workspace(tmp_path, catalogue), OUTFALL, catalogue).is_usable
    service = make_service(read_workspace(tmp_path, catalogue), catalogue, lambda: CLOCK)
    client = Client(service, EDITOR)
    assert client.items(OUTFALL)["numberMatched"] == 12
    assert (
        send(client, "POST", PATH, point("N1", flow_t_d=3.25, found_on="2025-03-04", is_traced=True)).status_code == 201
    )
    tag = client.get(f"{PATH}/C0002").headers["etag"]
    assert client.ask("DELETE", f"{PATH}/C0002", headers={"If-Match": tag}).status_code == 204
    wanted = {f["id"]: f["properties"] for f in client.items(OUTFALL, limit=100)["features"]}
    service.source.close()
    runner = CliRunner()
    listed = runner.invoke(edits_command.app, ["list", "-w", str(tmp_path), "--json"])
    assert [row["operation"] for row in json.loads(listed.output)] == ["create", "delete"]
    done = runner.invoke(edits_command.app, ["deliver", OUTFALL, "--reviewer", "李审核", "-w", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    workspace = read_workspace(tmp_path, catalogue)
    assert [d.sender for d in workspace.deliveries] == ["在线编辑（wang；审核 李审核）"]
    received = receive(workspace, OUTFALL, catalogue)
    assert received.is_usable
    later = make_service(workspace, catalogue, lambda: CLOCK)
    got = {f["id"]: f["properties"] for f in Client(later, EDITOR).items(OUTFALL, limit=100)["features"]}
    later.source.close()
    assert got == wanted
    assert runner.invoke(edits_command.app, ["deliver", OUTFALL, "--reviewer", "x", "-w", str(tmp_path)]).exit_code != 0


def test_a_discarded_change_is_gone_but_told(tmp_path: Path) -> None:
    service = service_of(tmp_path, {OUTFALL: outfalls(4)})
    client = Client(service, EDITOR)
    assert send(client, "POST", PATH, point()).status_code == 201
    log = EditLog(tmp_path / "edits.sqlite")
    assert log.discard(OUTFALL) == 1
    assert client.items(OUTFALL)["numberMatched"] == 4
    assert len(log.changes(OUTFALL, pending_only=False)) == 1
    log.close()
