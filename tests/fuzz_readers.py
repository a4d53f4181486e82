"""Damage deliveries of every format at random and read them, each in a child process that may die without harm.

``python tests/fuzz_readers.py --count 2000 --format shp`` runs one format by hand; without ``--format`` all of them. A delivery
may be read or refused with a `GeoSysError`; anything else is a failure: another exception, a dead or hung process, too
much memory, or a file outside the folder of the delivery.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 30
MOST_MEMORY = 2 << 30
ADDRESS_SPACE = 3 << 30
SHOWN_TABLES = 3
FORMATS = ("csv", "dxf", "gdb", "geojson", "gpkg", "kml", "kmz", "shp", "shx", "dbf", "txt", "xls", "xlsx", "zip")
INFLATED = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff", b"\0\0\0\0")


@dataclass
class Report:
    """Hold what became of the deliveries of one format."""

    read: int = 0
    refused: int = 0
    most_memory: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)


# --- deliveries that are right ---


def make_seeds(folder: Path) -> None:
    """Write one small right delivery of each format, a folder each."""
    import geopandas as gpd
    import pyogrio
    import shapely
    import xlsxwriter
    from intake_toy import CRS, old_workbook, square

    shapes = [square(0, 0), shapely.box(500_000, 3_850_100, 500_050, 3_850_150), square(200, 200, 40)]
    shapes[1] = shapes[1].difference(shapely.box(500_010, 3_850_110, 500_020, 3_850_120))
    columns = {"DKBM": ["A1", "B2", "C3"], "MJ": [1.5, 2.5, 3.5], "名称": ["甲地块", "乙", "丙地"], "N": [1, 2, 3]}
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)
    for name in FORMATS:
        (folder / name).mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(frame, folder / "shp" / "a.shp", encoding="GBK")
        pyogrio.write_dataframe(frame, folder / "gpkg" / "a.gpkg")
        pyogrio.write_dataframe(frame.to_crs("EPSG:4490"), folder / "geojson" / "a.geojson")
        pyogrio.write_dataframe(frame, folder / "gdb" / "a.gdb", driver="OpenFileGDB", layer="DK")
    for name in ("shx", "dbf"):
        shutil.copytree(folder / "shp", folder / name, dirs_exist_ok=True)
    with zipfile.ZipFile(folder / "zip" / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted((folder / "shp").iterdir()):
            archive.write(part, f"报送/{part.name}")
    (folder / "kml" / "a.kml").write_text(KML, encoding="utf-8")
    with zipfile.ZipFile(folder / "kmz" / "a.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML)
    (folder / "dxf" / "a.dxf").write_bytes(dxf().encode("gbk"))
    (folder / "csv" / "a.csv").write_bytes(
        '编号,名称,经度,纬度\nA1,大清沟,114.3,34.8\nB2,"二\n号",114.4,34.9\n'.encode("gbk") * 3
    )
    (folder / "txt" / "a.txt").write_bytes(TXT.encode("gb18030"))
    old_workbook(folder / "xls" / "a.xls", [["编号", "经度", "纬度"], ["A1", 114.3, 34.8], ["B2", 114.4, 34.9]])
    book = xlsxwriter.Workbook(folder / "xlsx" / "a.xlsx")
    sheet = book.add_worksheet("台账")
    sheet.merge_range(0, 0, 0, 2, "2025年台账")
    for at, row in enumerate([["编号", "经度", "纬度"], ["A1", 114.3, 34.8], ["B2", 114.4, 34.9]], 1):
        sheet.write_row(at, 0, row)
    book.close()


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>报送</name><Folder><name>地块</name>
<Placemark><name>甲</name><description><![CDATA[<b>3 亩</b>]]></description>
<ExtendedData><Data name="编号"><value>A1</value></Data><SchemaData><SimpleData name="面积">1.5</SimpleData></SchemaData></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>114,34,0 114.1,34,0 114.1,34.1,0 114,34.1,0 114,34,0</coordinates></LinearRing></outerBoundaryIs>
<innerBoundaryIs><LinearRing><coordinates>114.02,34.02 114.04,34.02 114.04,34.04 114.02,34.02</coordinates></LinearRing></innerBoundaryIs></Polygon></Placemark>
<Placemark><MultiGeometry><Point><coordinates>114,34</coordinates></Point><LineString><coordinates>114,34 115,35</coordinates></LineString></MultiGeometry></Placemark>
</Folder></Document></kml>
"""

TXT = """[属性描述]
坐标系=2000国家大地坐标系
几度分带=3
带号=38
[地块坐标]
5,1,A1,甲地块,面,,,,@
J1,1,3850100.000,38500000.000
J2,1,3850100.000,38500100.000
J3,1,3850000.000,38500100.000
J4,1,3850000.000,38500000.000
J1,1,3850100.000,38500000.000
4,1,B2,乙地块,面,,,,@
J1,1,3850300.000,38500000.000
J2,1,3850300.000,38500100.000
J3,1,3850200.000,38500100.000
J1,1,3850300.000,38500000.000
"""


def dxf() -> str:
    """Return a drawing: two closed polylines (one with an arc), an old polyline, an open one and texts."""
    ring = ["0", "LWPOLYLINE", "5", "2A", "8", "宗地", "90", "4", "70", "1"]
    for x, y, bulge in ((0, 0, 0), (10, 0, 0.5), (10, 10, 0), (0, 10, 0)):
        ring += ["10", str(x), "20", str(y), *(["42", str(bulge)] if bulge else [])]
    old = ["0", "POLYLINE", "5", "2B", "8", "图斑", "66", "1", "70", "1"]
    for x, y in ((20, 0), (30, 0), (30, 10)):
        old += ["0", "VERTEX", "8", "图斑", "10", str(x), "20", str(y)]
    old += ["0", "SEQEND"]
    line = ["0", "LWPOLYLINE", "5", "2C", "8", "界线", "90", "2", "70", "0", "10", "0", "20", "0", "10", "5", "20", "5"]
    text = ["0", "TEXT", "8", "注记", "10", "5", "20", "5", "40", "1", "1", "甲地块"]
    head = ["0", "SECTION", "2", "HEADER", "9", "$INSUNITS", "70", "6", "0", "ENDSEC"]
    return "\r\n".join(
        [*head, "0", "SECTION", "2", "ENTITIES", *ring, *old, *line, *text, "0", "ENDSEC", "0", "EOF", ""]
    )


# --- damage ---


def damage(data: bytes, chance: random.Random) -> bytes:  # noqa: C901  one branch a kind of damage
    """Return bytes with one to four faults, mostly one: flipped, cut, inflated, doubled, moved, filled."""
    out = bytearray(data)
    is_text = b"\0" not in data  # a text bears a changed number and little else
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not out:
            break
        at = chance.randrange(len(out))
        early = chance.randrange(min(len(out), 512))
        kind = chance.randrange(12 if is_text else 8)
        if kind == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[early] = chance.randrange(256)
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            mark = chance.choice(INFLATED)
            place = chance.choice((at, early))
            out[place : place + len(mark)] = mark
        elif kind == 4:
            length = chance.randrange(1, min(4096, len(out)) + 1)
            out[at:at] = out[max(0, at - length) : at] * chance.choice((1, 2, 50))
        elif kind == 5:
            del out[at : at + chance.randrange(1, 64)]
        elif kind == 6:
            length = chance.randrange(1, 64)
            out[at : at + length] = chance.randbytes(length)
        else:
            digits = [i for i in range(len(out)) if 48 <= out[i] <= 57]
            if digits:
                place = chance.choice(digits)
                out[place : place + 1] = chance.choice((b"9" * 20, b"-", b"1e308", b"nan", b""))
    return bytes(out)


def spoil(name: str, seeds: Path, folder: Path, chance: random.Random) -> Path:
    """Copy the delivery of a format, damage what the format is about, and return what is to be read."""
    shutil.copytree(seeds / name, folder, dirs_exist_ok=True)
    if name == "gdb":
        tables = sorted((folder / "a.gdb").glob("*.gdb*"))
        for file in chance.sample(tables, chance.randint(1, 3)):
            file.write_bytes(damage(file.read_bytes(), chance))
        packed = folder / "a.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted((folder / "a.gdb").iterdir()):
                archive.write(file, f"a.gdb/{file.name}")
        shutil.rmtree(folder / "a.gdb")
        return packed
    if name in ("xlsx", "kmz", "zip") and chance.random() < 0.6:
        return spoil_inside(folder / f"a.{name}", chance)
    file = folder / f"a.{name}"
    file.write_bytes(damage(file.read_bytes(), chance))
    return folder / "a.shp" if name in ("shx", "dbf") else file


def spoil_inside(path: Path, chance: random.Random) -> Path:
    """Damage a member of a package and pack it again: the damage gets past the checksums."""
    with zipfile.ZipFile(path) as package:
        members = {info.filename: package.read(info) for info in package.infolist()}
    chosen = chance.choice(sorted(members))
    members[chosen] = damage(members[chosen], chance)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for member, data in members.items():
            package.writestr(member, data)
    return path


# --- the child ---


def child(name: str, seeds: Path, work: Path, start: int, count: int, seed: int) -> None:
    """Read damaged deliveries one after the other and tell of each in a line; die of a hang."""
    from geosys._errors import GeoSysError
    from geosys.layers.readers import list_tables, read_delivery

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    warnings.simplefilter("ignore")
    for number in range(start, start + count):
        folder = work / str(number)
        folder.mkdir()
        path = spoil(name, seeds, folder, random.Random(f"{seed} {name} {number}"))  # noqa: S311
        before = sorted(p.name for p in folder.rglob("*"))
        tell(number, "begin")
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        begin = os.times().elapsed
        try:
            tables = [t.name for t in list_tables(path) if not t.is_hidden][:SHOWN_TABLES]
            for table in tables:
                read_delivery(path, table, None, ("编号", "经度", "纬度"))
            outcome, what = "read", ""
        except GeoSysError as error:
            outcome, what = "refused", str(error)
            if not what.startswith(path.name) or ": got " not in what or ", expected " not in what or "\n" in what:
                outcome = "unclear message"
        except BaseException as error:  # noqa: BLE001
            outcome, what = "exception", f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = os.times().elapsed - begin
        if sorted(p.name for p in folder.rglob("*")) != before:
            outcome = "file beside the delivery"
        tell(number, outcome, what, peak_memory(), seconds)
        shutil.rmtree(folder)


def peak_memory() -> int:
    """Return the most bytes this program held; `ru_maxrss` would tell those of the one that started it, where that held more."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tell(*values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


# --- the parent ---


def fuzz(name: str, count: int, seed: int, seeds: Path, box: Path) -> Report:
    """Return what became of `count` damaged deliveries of a format; a child that dies is followed by another."""
    report = Report()
    work, private = box / f"{name}-work", box / f"{name}-private"
    work.mkdir()
    private.mkdir()
    start = 0
    while start < count:
        command = [sys.executable, __file__, "--child", name, "--seeds", str(seeds), "--work", str(work)]
        command += ["--start", str(start), "--count", str(count - start), "--seed", str(seed)]
        environment = {
            **os.environ,
            "TMPDIR": str(private),
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=work)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        start = gather(report, lines, start)
        if done.returncode and start < count:
            report.failures.append(f"#{start}: process ended with {done.returncode}: {done.stderr[-600:]}")
            start += 1
    left = sorted(p.name for p in private.iterdir())
    died = any("process ended" in text for text in report.failures)
    if left and not died:
        report.failures.append(f"private folders not removed: {left[:3]}")
    strangers = {p.name for p in box.iterdir()} - {f"{n}-{k}" for n in FORMATS for k in ("work", "private")} - {"seeds"}
    if strangers:
        report.failures.append(f"files outside: {sorted(strangers)[:3]}")
    shutil.rmtree(work)
    shutil.rmtree(private)
    return report


def gather(report: Report, lines: list[list[object]], start: int) -> int:
    """Add a child's lines to the report; return the number of the delivery after the last that ended."""
    for number, outcome, *more in lines:
        if outcome == "begin":
            continue
        what, memory, seconds = more
        report.read += outcome == "read"
        report.refused += outcome == "refused"
        report.most_memory = max(report.most_memory, memory)
        report.slowest = max(report.slowest, seconds)
        report.messages[str(what)[:60]] += 1
        if outcome not in ("read", "refused"):
            report.failures.append(f"#{number}: {outcome}: {what}")
        if memory > MOST_MEMORY:
            report.failures.append(f"#{number}: memory {memory}")
        start = number + 1
    return start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=FORMATS, action="append")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", choices=FORMATS)
    parser.add_argument("--seeds", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--start", type=int, default=0)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.seeds, options.work, options.start, options.count, options.seed)
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as box:
        sys.path[:0] = [str(HERE), str(HERE.parent)]
        make_seeds(Path(box) / "seeds")
        for name in options.format or FORMATS:
            report = fuzz(name, options.count, options.seed, Path(box) / "seeds", Path(box))
            failed += len(report.failures)
            print(
                f"{name}: {report.read} read, {report.refused} refused, {len(report.failures)} failures, "
                f"{report.most_memory >> 20} MiB, slowest {report.slowest:.2f} s"
            )
            for text in report.failures[:20]:
                print("  ", text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
