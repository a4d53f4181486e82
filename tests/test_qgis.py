"""Programs of the desktop that we did not write: QGIS without a window, and GDAL's command line, read a running service and a package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import ROOT
from PIL import Image
from services_toy import OUTFALLS, RIVER, TOWNS, ZONES
from test_serve import started
from test_styles import SOUTH, WEST, layers, package, spec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["package", "spec"]  # fixtures of the styles's tests
SYSTEM_PYTHON = "/usr/bin/python3"
COUNTS = {"township": len(TOWNS), "river": 1, "source_zone": len(ZONES), "outfall": len(OUTFALLS)}
BOX = (114.0, 34.65, 114.4, 34.85)
SHAPES = {"township": TOWNS, "source_zone": ZONES, "outfall": OUTFALLS, "river": {"惠济河": RIVER}}

# The toy behind the whole application, as 'geosys serve' has it.
SCRIPT = """
    import datetime as dt, pathlib, sys
    from geosys.accounts.store.database import open_accounts
    from geosys.web.app import make_app
    from geosys.web.guard.serving import Listening, serve_app
    from geosys.web.guard.settings import Bounds, Settings
    from services_toy import make_service

    folder = pathlib.Path(sys.argv[1])
    settings = Settings(clock=lambda: dt.datetime.now(dt.UTC), bounds=Bounds(requests_per_s=0))
    accounts = open_accounts(folder / "accounts.sqlite")
    app = make_app(make_service(folder), accounts, settings, folder)
    serve_app(app, Listening("127.0.0.1", 0), lambda address: print(address, flush=True))
"""


def lacking_qgis() -> str:
    """Return why QGIS cannot be asked; empty where it can."""
    if not Path(SYSTEM_PYTHON).exists():
        return "QGIS: no Python of the system"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    told = subprocess.run([SYSTEM_PYTHON, "-c", "import qgis.core"], env=clean, capture_output=True, check=False)
    return "" if told.returncode == 0 else "QGIS: not installed (qgis, python3-qgis)"


needs_qgis = pytest.mark.skipif(bool(lacking_qgis()), reason=lacking_qgis() or "QGIS is there")
needs_mapserver = pytest.mark.skipif(shutil.which("mapserv") is None, reason="MapServer: not installed (cgi-mapserver)")
needs_gdal = pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's command line: not installed (gdal-bin)")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n" + textwrap.dedent(SCRIPT)
    with started(script, str(tmp_path_factory.mktemp("services"))) as (_, port):
        yield f"http://127.0.0.1:{port}"


def bounds(name: str) -> tuple[float, float, float, float]:
    boxes = [shape.bounds for shape in SHAPES[name].values()]
    low, high = zip(*[(b[:2], b[2:]) for b in boxes], strict=True)
    return min(x for x, _ in low), min(y for _, y in low), max(x for x, _ in high), max(y for _, y in high)


def ask_qgis(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return what QGIS tells; it draws into the folder, which is its home as well."""
    folder.chmod(0o700)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PROJ", "GDAL"))}
    clean |= {"QT_QPA_PLATFORM": "offscreen", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "LANG": "C.UTF-8"}
    command = [SYSTEM_PYTHON, str(ROOT / "tests" / "qgis_client.py"), *arguments]
    told = subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=300)
    assert told.returncode == 0, told.stderr[-2000:]
    answer: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return answer


@needs_qgis
@needs_mapserver
def test_qgis_reads_and_draws_every_protocol_where_things_are(address: str, tmp_path: Path) -> None:
    told = ask_qgis(tmp_path, "service", address, str(tmp_path), ",".join(map(str, BOX)), *COUNTS)
    for kind in ("OAPIF", "WFS 1.0.0", "WFS 1.1.0", "WFS 2.0.0"):
        for name, count in COUNTS.items():
            one = told[f"{kind} {name}"]
            assert one["valid"], (kind, name, one["error"])
            assert (one["read"], one["with_place"]) == (count, count), (kind, name)
            assert one["extent"] == pytest.approx(bounds(name), abs=2e-6), (kind, name)
            assert one["offered"] == pytest.approx(bounds(name), abs=1e-3), (kind, name)
            assert "county_code" in one["fields"] or name == "river"
    assert told["OAPIF drawn"]["inked"] > 0.5
    for kind in ("WMS 4490", "WMS 3857", "WMTS 4490", "WMTS 3857"):
        assert all(told[kind]["valid"]), told[kind]["error"]
        assert told[kind]["inked"] > 0.005, kind
        assert told[kind]["colours"] > 10, kind
        assert told[kind]["errors"] == []


@needs_qgis
def test_qgis_opens_the_project_of_a_package_with_its_signs(package: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = package
    told = ask_qgis(tmp_path, "project", str(folder / "toy.qgz"), str(tmp_path))
    assert (told["opened"], told["error"], told["crs"]) == (True, "", "EPSG:4547")
    expected = {one.layer.title.zh: len(one.frame) for one in layers()}
    assert {name: one["read"] for name, one in told["layers"].items()} == expected
    assert all(one["valid"] and one["crs"] == "EPSG:4547" for one in told["layers"].values())
    signs = {name: one["renderer"] for name, one in told["layers"].items()}
    assert signs["BHQ层"] == signs["GHYD层"] == signs["PWK层"] == "categorizedSymbol"
    west, south, _, _ = told["layers"]["BHQ层"]["extent"]
    corner = gpd.GeoSeries([shapely.Point(WEST, SOUTH)], crs="EPSG:4547").to_crs("EPSG:4490").iloc[0]
    assert (west, south) == pytest.approx((corner.x, corner.y), abs=1e-4)
    assert told["drawn"]["inked"] > 0.05
    assert told["drawn"]["colours"] > 10
    assert told["drawn"]["errors"] == []


# --- GDAL's command line ---


def ogrinfo(*arguments: str) -> str:
    """Return what ogrinfo tells, with GDAL's own PROJ and without what other Pythons brought."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PROJ", "GDAL"))}
    command = ["ogrinfo", "-ro", *arguments]
    told = subprocess.run(command, env=clean | {"LANG": "C.UTF-8"}, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "ERROR" not in told.stderr, told.stderr
    return told.stdout


def extent(told: str) -> tuple[float, ...]:
    found = re.search(r"Extent: \(([-\d.]+), ([-\d.]+)\) - \(([-\d.]+), ([-\d.]+)\)", told)
    assert found, told
    return tuple(float(number) for number in found.groups())


@needs_gdal
@pytest.mark.parametrize("name", COUNTS)
def test_ogrinfo_reads_features(address: str, name: str) -> None:
    told = ogrinfo("-al", "-so", "-oo", "CRS=OGC:CRS84", f"OAPIF:{address}", name)
    assert f"Feature Count: {COUNTS[name]}\n" in told
    assert extent(told) == pytest.approx(bounds(name), abs=1e-6)


@needs_gdal
@needs_mapserver
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "2.0.0"])
@pytest.mark.parametrize("name", COUNTS)
def test_ogrinfo_reads_wfs_and_finds_axes_as_they_are(address: str, name: str, version: str) -> None:
    layer = f"ms:{name}" if version == "2.0.0" else name
    told = ogrinfo("-al", "-so", f"WFS:{address}/wfs?VERSION={version}", layer)
    assert f"Feature Count: {COUNTS[name]}\n" in told
    assert extent(told) == pytest.approx(bounds(name), abs=2e-6)


@needs_gdal
@needs_mapserver
@pytest.mark.parametrize("version", ["1.1.1", "1.3.0"])
def test_gdal_draws_wms(address: str, version: str, tmp_path: Path) -> None:
    """The box in the order of each version; what is drawn lies where the zones lie and nowhere else."""
    crs = "SRS=EPSG:4490" if version == "1.1.1" else "CRS=EPSG:4490"
    west, south, east, north = BOX
    box = f"{west},{south},{east},{north}" if version == "1.1.1" else f"{south},{west},{north},{east}"
    source = f"WMS:{address}/wms?SERVICE=WMS&VERSION={version}&REQUEST=GetMap&LAYERS=source_zone&{crs}&BBOX={box}"
    picture = tmp_path / "drawn.tif"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PROJ", "GDAL"))}
    command = ["gdal_translate", "-q", "-outsize", "400", "200", source, str(picture)]
    told = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    with Image.open(picture) as image:
        drawn = np.asarray(image.convert("RGB")).min(axis=2) < 250
    rows, columns = np.nonzero(drawn)
    places = {
        (round((x + 0.5) / 400 * (east - west) + west, 2), round(north - (y + 0.5) / 200 * (north - south), 2))
        for x, y in zip(columns, rows, strict=True)
    }
    assert places
    zones = shapely.union_all(list(ZONES.values())).buffer(0.012)
    assert all(zones.covers(shapely.Point(place)) for place in places)
    for zone in ZONES.values():
        assert any(zone.buffer(0.006).covers(shapely.Point(place)) for place in places)
