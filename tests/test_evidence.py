"""Evidence: real photographs with EXIF, told where and when; hostile files; copies that hold nothing but pixels."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases_toy as toy
import numpy as np
import pyproj
import pytest
import sqlalchemy as sa
import typer
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational
from test_moves import found

from geosys._errors import ConflictError, SpecError, WorkspaceError
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.events import Event, append, append_all, read_events, verify
from geosys.cases.ledger.evidence import attach_files, missing_evidence, read_files
from geosys.cases.ledger.evidence_store import original, shown, small_picture, staged
from geosys.cases.ledger.evidence_terms import read_evidence_terms
from geosys.cases.ledger.exif import Tags, taken
from geosys.cases.ledger.file_kinds import kind_of
from geosys.cases.ledger.outward import hand_out
from geosys.cases.ledger.photo_place import distance_m
from geosys.cases.ledger.pictures import metadata_left
from geosys.cases.ledger.safekeeping import backup, restore
from geosys.cases.ledger.tables import FILES
from geosys.cli import evidence_command
from geosys.geo.offsets import gcj02_from_degrees

if TYPE_CHECKING:
    from collections.abc import Callable

TERMS = read_evidence_terms(ROOT)
TODAY = dt.date(2026, 10, 9)
SEEN, BEGAN = dt.date(2026, 9, 1), dt.date(2026, 9, 20)
HERE = (500_000.0, 3_850_000.0)  # the toy's outfall A and section, in EPSG:4547
TO_DEGREES = pyproj.Transformer.from_crs("EPSG:4547", "EPSG:4490", always_xy=True)
GEOD = pyproj.Geod(ellps="GRS80")


def sixtieths(value: float) -> tuple[tuple[int, int], ...]:
    """Return degrees, minutes, seconds as rationals, worked in whole ten-thousandths of a second."""
    total = round(abs(value) * 3600 * 10_000)
    return ((total // 36_000_000, 1), (total // 600_000 % 60, 1), (total % 600_000, 10_000))


def jpeg(
    path: Path,
    at: tuple[float, float] | None = None,
    on: str | None = "2026:10:01 09:30:00",
    size: tuple[int, int] = (64, 48),
    orientation: int | None = None,
    gps: dict[int, Any] | None = None,
    colour: str = "green",
    **tags: Any,
) -> Path:
    """Write a photograph as a phone would, taken at longitude and latitude."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B], exif[0x8298] = "某手机", "M-1", "zhang san", "13800000000"
    if orientation is not None:
        exif[0x0112] = orientation
    if on is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = on
    exif.get_ifd(ExifTags.IFD.Exif)[0x927C] = b"maker note of zhang san"
    for name, value in tags.items():
        exif.get_ifd(ExifTags.IFD.Exif)[int(name[1:], 16)] = value
    if at is not None:
        place = {1: "N" if at[1] >= 0 else "S", 2: sixtieths(at[1]), 3: "E" if at[0] >= 0 else "W", 4: sixtieths(at[0])}
        gps = place | (gps or {})
    if gps is not None:
        written = {k: tuple(IFDRational(*r) for r in v) if isinstance(v, tuple) else v for k, v in gps.items()}
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(written)
    Image.new("RGB", size, colour).save(
        path, "JPEG", exif=exif, comment=b"zhang san", xmp=b"<x:xmpmeta>zhang san</x:xmpmeta>", quality=90
    )
    return path


def away(metres: float, bearing: float = 90.0) -> tuple[float, float]:
    """Return the place so far on the ellipsoid from outfall A."""
    longitude, latitude, _ = GEOD.fwd(*TO_DEGREES.transform(*HERE), bearing, metres)
    return longitude, latitude


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return a workspace whose ledger has the case of one outfall, being rectified since 20 September."""
    return made(tmp_path / "county", tmp_path / "county" / "cases.sqlite")


def made(root: Path, where: Path | str) -> Path:
    root.mkdir(exist_ok=True)
    with open_ledger(where) as connection:
        toy.run(connection, toy.book(), toy.layers({"A": "POINT (0 0)"}), SEEN)
        case = case_of(connection)
        for on, state, now in ((SEEN, "found", "assigned"), (BEGAN, "assigned", "rectifying")):
            append(connection, Event(case, "move", on, "张三", {"status": (state, now)}, move="m"))
    return root


def case_of(connection: sa.Connection) -> str:
    return str(read_events(connection)["case_id"].iloc[0])


def attach(
    root: Path, *files: Path, where: Path | str | None = None, case: str | None = None, **more: Any
) -> list[Any]:
    more = {"actor": "张三", "today": TODAY} | more
    folder = root / "evidence"
    with staged(folder, files, TERMS) as looked, open_ledger(where or root / "cases.sqlite") as connection:
        return attach_files(connection, folder, case or case_of(connection), looked, TERMS, **more)


def kinds(root: Path, file: Path, **more: Any) -> set[str]:
    return {remark.kind for remark in attach(root, file, **more)[0].remarks}


def breaks(root: Path) -> list[str]:
    with read_ledger(root / "cases.sqlite") as connection:
        assert verify(connection) == []
        return [b.what.zh.partition("：")[0] for b in missing_evidence(connection, root / "evidence")]


# --- place and time ---


def test_a_photograph_of_the_right_place_and_day_is_taken_in_without_a_remark(
    tmp_path: Path, ledger: Path | str
) -> None:
    root = made(tmp_path / "w", ledger)
    photo = jpeg(tmp_path / "现场.JPG", away(30))
    before = photo.read_bytes()
    (one,) = attach(root, photo, where=ledger, recorded_at="2026-10-09T10:00:00+08:00")
    assert one.remarks == ()
    assert one.is_new
    assert one.taken_at == "2026-10-01T09:30:00"
    assert (one.longitude, one.latitude) == pytest.approx(away(30), abs=1e-7)
    digest = hashlib.sha256(before).hexdigest()
    assert one.path == root / "evidence" / digest[:2] / f"{digest}.jpg"
    assert one.path.read_bytes() == before == photo.read_bytes()
    with read_ledger(ledger) as connection:
        event = read_events(connection).iloc[-1]
        assert (event["kind"], event["evidence"], event["source"]["sha256"]) == ("evidence", "现场.JPG", digest)
        row = connection.execute(sa.select(FILES)).mappings().one()
        assert (row["media_type"], row["size"], row["name"]) == ("image/jpeg", len(before), "现场.JPG")
        assert verify(connection) == []
        assert missing_evidence(connection, root / "evidence") == []


@pytest.mark.parametrize(
    ("metres", "expected"), [(0, set()), (499, set()), (501, {"far_away"}), (30_000, {"far_away"}), (9e6, {"far_away"})]
)
def test_a_place_far_from_the_subject_is_told(tmp_path: Path, county: Path, metres: float, expected: set[str]) -> None:
    assert kinds(county, jpeg(tmp_path / "a.jpg", away(metres, 10))) == expected


def test_the_distance_is_that_of_the_ellipsoid() -> None:
    import shapely

    subjects = [(shapely.Point(*HERE), "EPSG:4547"), (shapely.box(600_000, 3_850_000, 601_000, 3_851_000), "EPSG:4547")]
    for metres in (0.0, 1.0, 700.0, 45_000.0):
        assert distance_m(*away(metres, 200), subjects) == pytest.approx(metres, abs=0.01)
    assert distance_m(*TO_DEGREES.transform(600_500, 3_850_500), subjects) == 0
    assert distance_m(114, 34, []) is None


def test_a_position_shifted_by_a_map_service_is_suspected(tmp_path: Path, county: Path) -> None:
    shifted = tuple(gcj02_from_degrees(np.array([away(5)]))[0])
    assert 500 < GEOD.inv(*shifted, *away(0))[2] < 700
    assert kinds(county, jpeg(tmp_path / "a.jpg", shifted)) == {"far_away", "gcj02"}
    assert kinds(county, jpeg(tmp_path / "b.jpg", away(5), gps={18: "GCJ-02"})) == {"gcj02"}
    assert kinds(county, jpeg(tmp_path / "c.jpg", away(5), gps={18: "WGS-84"})) == set()
    assert kinds(county, jpeg(tmp_path / "d.jpg", away(5), gps={18: "TOKYO"})) == {"other_datum"}


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026:09:19 23:59:59", {"before_work"}), ("2026:09:20 00:00:00", set()), ("2026:10:09 23:59:59", set()),
        ("2026:10:10 00:00:00", {"after_today"}), ("2036:10:01 00:00:00", {"after_today"}), (None, {"no_time"}),
        ("0000:00:00 00:00:00", {"no_time"}), ("    :  :     :  :  ", {"no_time"}), ("2026:13:45 99:00:00", {"unreadable_time"}),
        ("yesterday", {"unreadable_time"}), ("1970:01:01 00:00:00", {"before_work"}),
    ],
)  # fmt: skip
def test_the_time_is_held_against_the_work_and_today(
    tmp_path: Path, county: Path, on: str | None, expected: set[str]
) -> None:
    assert kinds(county, jpeg(tmp_path / "a.jpg", away(5), on)) == expected


def test_before_work_has_begun_and_after_it_begins_anew(tmp_path: Path, county: Path) -> None:
    with open_ledger(county / "cases.sqlite") as connection:
        case = case_of(connection)
        for on, was, now in (
            (25, "rectifying", "accepted"),
            (26, "accepted", "rectifying"),
            (27, "rectifying", "reopened"),
        ):
            append(connection, Event(case, "move", dt.date(2026, 9, on), "张三", {"status": (was, now)}))
    assert kinds(county, jpeg(tmp_path / "a.jpg", away(5))) == {"not_begun"}
    with open_ledger(county / "cases.sqlite") as connection:
        append(connection, Event(case, "move", dt.date(2026, 10, 9), "张三", {"status": ("reopened", "rectifying")}))
    assert kinds(county, jpeg(tmp_path / "b.jpg", away(6))) == {"before_work"}


def test_other_zones_and_clocks_that_differ(tmp_path: Path, county: Path) -> None:
    utc = jpeg(tmp_path / "a.jpg", away(5), "2026:09:19 17:00:00", x9011="+00:00")
    (one,) = attach(county, utc)
    assert (one.taken_at, one.remarks) == ("2026-09-20T01:00:00", ())
    stamps = {7: ((1, 1), (30, 1), (0, 1)), 29: "2026:10:01"}
    assert kinds(county, jpeg(tmp_path / "b.jpg", away(5), "2026:10:02 09:29:00", gps=stamps)) == set()
    assert kinds(county, jpeg(tmp_path / "c.jpg", away(5), "2026:10:02 09:31:00", gps=stamps)) == {"clocks_differ"}
    (alone,) = attach(county, jpeg(tmp_path / "d.jpg", away(5), None, gps=stamps))
    assert (alone.taken_at, alone.remarks) == ("2026-10-01T09:30:00", ())


GOOD: dict[int, Any] = {1: "N", 2: ((34, 1), (46, 1), (0, 1)), 3: "E", 4: ((114, 1), (0, 1), (0, 1))}


@pytest.mark.parametrize(
    "change",
    [
        {1: ""}, {3: "X"}, {2: ((0, 1), (0, 1), (0, 1)), 4: ((0, 1), (0, 1), (0, 1))}, {2: ((34, 0), (46, 1), (0, 1))}, {2: ((0, 0),) * 3},
        {2: ((91, 1), (0, 1), (0, 1))}, {4: ((180, 1), (0, 1), (1, 1))}, {2: ((34, 1), (60, 1), (0, 1))}, {2: ((34, 1), (0, 1), (61, 1))},
        {2: ((4_294_967_295, 1),) * 3}, {2: ((34, 1), (46, 1))},
    ],
)  # fmt: skip
def test_an_absurd_place_is_told_and_never_kept(tmp_path: Path, county: Path, change: dict[int, Any]) -> None:
    (one,) = attach(county, jpeg(tmp_path / "a.jpg", gps=GOOD | change))
    assert [remark.kind for remark in one.remarks] == ["unreadable_place"]
    assert one.longitude is None
    assert one.latitude is None


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.tif", "TIFF")])
def test_place_and_time_are_read_from_other_pictures_too(tmp_path: Path, county: Path, name: str, kind: str) -> None:
    with Image.open(jpeg(tmp_path / "a.jpg", away(5000))) as image:
        image.save(tmp_path / name, kind, exif=image.getexif())
    (one,) = attach(county, tmp_path / name)
    assert one.taken_at == "2026-10-01T09:30:00"
    assert (one.longitude, one.latitude) == pytest.approx(away(5000), abs=1e-7)
    assert [remark.kind for remark in one.remarks] == ["far_away"]


def test_damaged_exif_is_told(tmp_path: Path, county: Path) -> None:
    data = jpeg(tmp_path / "a.jpg", away(5)).read_bytes()
    at = data.index(b"Exif\0\0") + 6
    (tmp_path / "b.jpg").write_bytes(data[: at + 4] + b"\xff\xff\xff\x7f" + data[at + 8 :])
    assert kinds(county, tmp_path / "b.jpg") >= {"no_place", "no_time"}


def test_missing_places_are_told(tmp_path: Path, county: Path) -> None:
    assert kinds(county, jpeg(tmp_path / "a.jpg")) == {"no_place"}
    Image.new("RGB", (9, 9)).save(tmp_path / "b.jpg")
    assert kinds(county, tmp_path / "b.jpg") == {"no_place", "no_time"}
    with open_ledger(county / "cases.sqlite") as connection:
        append_all(connection, [found("Z", status="rectifying")])
    assert kinds(county, jpeg(tmp_path / "c.jpg", away(5)), case="Z") == {"place_not_compared"}


@settings(deadline=None, max_examples=100)
@given(longitude=st.floats(-180, 180), latitude=st.floats(-90, 90))
def test_degrees_come_back_from_sixtieths(longitude: float, latitude: float) -> None:
    tags = {1: "N" if latitude >= 0 else "S", 2: [a / b for a, b in sixtieths(latitude)]}
    tags |= {3: "E" if longitude >= 0 else "W", 4: [a / b for a, b in sixtieths(longitude)]}
    found_at = taken(Tags(gps=tags), 24)
    if max(abs(longitude), abs(latitude)) * 3600 * 10_000 <= 0.5:
        assert found_at.longitude is None
    else:
        assert (found_at.longitude, found_at.latitude) == pytest.approx((longitude, latitude), abs=2e-8)


junk = st.one_of(
    st.none(), st.text(), st.binary(), st.integers(), st.floats(), st.lists(st.one_of(st.floats(), st.text(), st.integers()), max_size=4)
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    exif=st.dictionaries(st.sampled_from([0x9003, 0x9004, 0x9011, 0x9012]), junk),
    gps=st.dictionaries(st.sampled_from([1, 2, 3, 4, 7, 18, 29]), junk),
)
def test_no_tags_break_the_reading(exif: dict[int, Any], gps: dict[int, Any]) -> None:
    told = taken(Tags(exif, gps), 24)
    assert (told.longitude is None) == (told.latitude is None)
    assert told.longitude is None or (
        math.isfinite(told.longitude) and abs(told.longitude) <= 180 and abs(told.latitude or 0) <= 90
    )


# --- the store ---


def test_a_file_given_twice_is_kept_once(tmp_path: Path, county: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg", away(5))
    other = tmp_path / "b.jpg"
    other.write_bytes(photo.read_bytes())
    assert [one.is_new for one in attach(county, photo, other)] == [True, False]
    assert [one.is_new for one in attach(county, other)] == [False]
    kept = [path for path in (county / "evidence").rglob("*") if path.is_file()]
    assert sorted(path.parent.name for path in kept) == sorted([kept[0].name[:2], "thumbs"])
    with open_ledger(county / "cases.sqlite") as connection:
        assert (read_events(connection)["kind"] == "evidence").sum() == 1
        append_all(connection, [found("Z", status="rectifying")])
    (again,) = attach(county, photo, case="Z")
    assert again.is_new
    assert {remark.kind for remark in again.remarks} == {"place_not_compared", "used_elsewhere"}
    assert len([path for path in (county / "evidence").rglob("*") if path.is_file()]) == 2


def test_an_exported_ledger_finds_the_files(tmp_path: Path, county: Path) -> None:
    from geosys.exchange.surroundings import files_of_cases

    (one,) = attach(county, jpeg(tmp_path / "a.jpg", away(5)))
    with read_ledger(county / "cases.sqlite") as connection:
        assert files_of_cases(connection, county / "evidence") == {case_of(connection): [("a.jpg", one.path)]}


def test_missing_and_altered_files_are_noticed_and_mended_by_the_original(tmp_path: Path, county: Path) -> None:
    photo, other = jpeg(tmp_path / "a.jpg", away(5)), jpeg(tmp_path / "b.jpg", away(6), colour="red")
    one, two = attach(county, photo, other)
    assert breaks(county) == []
    one.path.unlink()
    two.path.chmod(0o644)
    two.path.write_bytes(two.path.read_bytes() + b"x")
    assert sorted(breaks(county)) == ["证据文件缺失", "证据文件被改动"]
    attach(county, photo, other)
    assert breaks(county) == []
    one.path.unlink()
    one.path.symlink_to(photo)
    assert breaks(county) == ["证据文件被改动"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (sa.delete(FILES), ["证据登记与事件不符"]), (sa.update(FILES).values(latitude=1.0), ["证据登记与事件不符"]),
        (sa.update(FILES).values(case_id="B"), ["证据登记与事件不符", "证据登记没有事件"]),
    ],
)  # fmt: skip
def test_entries_changed_past_their_events_are_noticed(
    tmp_path: Path, county: Path, statement: Any, expected: list[str]
) -> None:
    attach(county, jpeg(tmp_path / "a.jpg", away(5)))
    with open_ledger(county / "cases.sqlite") as connection:
        connection.execute(statement)
    assert breaks(county) == expected


def test_a_restored_ledger_still_finds_its_files(tmp_path: Path, county: Path) -> None:
    attach(county, jpeg(tmp_path / "a.jpg", away(5)))
    with open_ledger(county / "cases.sqlite") as connection:
        backup(connection, tmp_path / "b.gz")
        restore(connection, tmp_path / "b.gz")
    assert breaks(county) == []


def test_nothing_is_kept_of_a_transaction_that_fails_but_files_do_no_harm(tmp_path: Path, county: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg", away(5))
    with pytest.raises(ConflictError, match="version"):
        attach(county, photo, expected_version=1)
    with pytest.raises(WorkspaceError, match="expected a person"):
        attach(county, photo, actor=" ")
    with pytest.raises(WorkspaceError, match="expected a case"):
        attach(county, photo, case="nobody")
    assert breaks(county) == []
    assert [p.name for p in (county / "evidence").rglob("*")] == []


def test_files_of_merged_cases_come_along(tmp_path: Path, county: Path) -> None:
    attach(county, jpeg(tmp_path / "a.jpg", away(5)))
    with open_ledger(county / "cases.sqlite") as connection:
        case = case_of(connection)
        append_all(connection, [found("Z"), Event(case, "merge", TODAY, "张三", {"merged_into": (None, "Z")})])
        told = read_files(connection, "Z")
        assert told[["case_id", "name", "actor", "attached_on"]].to_numpy().tolist() == [[case, "a.jpg", "张三", TODAY]]
        assert read_files(connection, "nobody").empty
    with pytest.raises(WorkspaceError, match="merged"):
        attach(county, jpeg(tmp_path / "b.jpg"), case=case)


def test_small_pictures_are_upright_bounded_and_bare(tmp_path: Path, county: Path) -> None:
    image = Image.new("RGB", (800, 400), "black")
    image.paste("white", (0, 0, 400, 400))  # the left half is light
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes top
    image.save(tmp_path / "a.jpg", exif=exif)
    (one,) = attach(county, tmp_path / "a.jpg")
    with Image.open(small_picture(county / "evidence", one.digest, TERMS.thumb_px)) as small:
        assert small.size == (TERMS.thumb_px // 2, TERMS.thumb_px)
        assert sum(small.getpixel((80, 40))) > 700
        assert sum(small.getpixel((80, 280))) < 60
    assert metadata_left(small_picture(county / "evidence", one.digest, TERMS.thumb_px)) == []


# --- hostile files ---


def png_bomb(path: Path, width: int, height: int) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def docx(path: Path, *extra: tuple[str, bytes], drop: str = "") -> None:
    parts = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>", **dict(extra)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            if name != drop:
                package.writestr(name, data)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


HOSTILE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("a.jpg", lambda p: p.write_bytes(b""), "empty file"),
    "cut": ("a.jpg", lambda p: (jpeg(p, size=(600, 400)), cut(p, p.stat().st_size // 2)), "damaged JPEG"),
    "head only": ("a.jpg", lambda p: p.write_bytes(b"\xff\xd8\xff\xe0"), "no JPEG inside"),
    "png cut": (
        "a.png",
        lambda p: (Image.effect_noise((300, 300), 50).save(p), cut(p, p.stat().st_size // 2)),
        "damaged PNG",
    ),
    "program": ("a.jpg", lambda p: p.write_bytes(b"MZ\x90\0" * 9), "A program"),
    "text as photo": ("a.jpg", lambda p: p.write_text("我"), r"got the ending '.jpg'.*expected .txt"),
    "png as jpg": ("a.jpg", lambda p: Image.new("L", (9, 9)).save(p, "PNG"), "expected .png"),
    "no ending": ("photo", jpeg, "expected .jpg or .jpeg"),
    "heic": ("a.heic", lambda p: p.write_bytes(b"\0\0\0\x18ftypheic" + bytes(90)), "Most Compatible"),
    "webp": ("a.webp", lambda p: Image.new("L", (9, 9)).save(p, "WEBP"), "JPEG"),
    "gif": ("a.gif", lambda p: Image.new("L", (9, 9)).save(p, "GIF"), "unknown kind"),
    "zip": ("a.zip", lambda p: docx(p, drop="[Content_Types].xml"), "archive"),
    "macros": ("a.docx", lambda p: docx(p, ("word/vbaProject.bin", b"x")), "macros"),
    "old office": ("a.doc", lambda p: p.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90)), "encrypted"),
    "zip bomb": ("a.docx", lambda p: docx(p, ("word/b", bytes(201_000_000))), "once unpacked"),
    "docx cut": ("a.docx", lambda p: (docx(p), cut(p, 60)), "archive"),
    "pdf cut": ("a.pdf", lambda p: p.write_bytes(b"%PDF-1.7\n" + b"x" * 5000), "without an end"),
    "pixel bomb": ("a.png", lambda p: png_bomb(p, 12_000, 9_000), r"12000 × 9000"),
    "huge pixel bomb": ("a.png", lambda p: png_bomb(p, 2**31 - 1, 2**31 - 1), "too many pixels"),
    "noise": ("a.txt", lambda p: p.write_bytes(bytes(range(256))), "unknown kind"),
    "folder": ("a.jpg", lambda p: p.mkdir(), "a folder|directory"),
    "device": ("a.jpg", os.mkfifo, "a folder or device"),
    "absent": ("a.jpg", lambda _: None, "No such file"),
    "bell": ("a\a\n.jpg", jpeg, "control characters"),
    "turned name": ("a\u202egpj.jpg", jpeg, "control characters"),
    "long name": ("长" * 80 + ".jpg", jpeg, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_clear_message(tmp_path: Path, name: str) -> None:
    file_name, make, expected = HOSTILE[name]
    path = tmp_path / file_name
    make(path)
    root = tmp_path / "w"
    root.mkdir()
    if not expected:  # long, yet a name
        with staged(root / "evidence", [path], TERMS) as looked:
            assert looked[0].name == file_name
        return
    with pytest.raises(WorkspaceError, match=expected) as raised, staged(root / "evidence", [path], TERMS):
        pass
    assert "expected" in str(raised.value)
    assert str(raised.value).isprintable()
    assert list((root / "evidence").iterdir()) == []


def test_links_and_endless_names_are_refused(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(photo)
    (tmp_path / "e").symlink_to(tmp_path)
    cases = [
        ("e2", tmp_path / "b.jpg", "got a link"),
        ("e2", tmp_path / ("x" * 5000), "5000 signs"),
        ("e", photo, "got a link"),
    ]
    for folder, path, expected in [*cases, ("e2", Path(".."), "folder|directory"), ("e2", Path("a\0.jpg"), "control")]:
        with pytest.raises(WorkspaceError, match=expected), staged(tmp_path / folder, [path], TERMS):
            pass
    assert len(shown("x" * 5000)) == 80


def test_a_path_that_climbs_is_kept_inside(tmp_path: Path, county: Path) -> None:
    (tmp_path / "x").mkdir()
    jpeg(tmp_path / "a.jpg", away(5))
    (one,) = attach(county, tmp_path / "x" / ".." / "a.jpg")
    assert one.path.is_relative_to(county / "evidence")
    assert ".." not in one.path.parts
    assert one.name == "a.jpg"


def test_all_files_are_named_that_are_refused_and_none_is_taken_in(tmp_path: Path, county: Path) -> None:
    good, bad, worse = jpeg(tmp_path / "a.jpg", away(5)), tmp_path / "b.jpg", tmp_path / "c.jpg"
    bad.write_bytes(b"")
    with pytest.raises(WorkspaceError) as raised:
        attach(county, good, bad, worse)
    assert [line.partition(":")[0] for line in str(raised.value).split("\n")] == ["b.jpg", "c.jpg"]
    with read_ledger(county / "cases.sqlite") as connection:
        assert (read_events(connection)["kind"] != "evidence").all()


def test_a_file_above_its_kind_s_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 10_000_001)
    with pytest.raises(WorkspaceError, match="at most 10 MB"), staged(tmp_path / "e", [path], TERMS):
        pass


@settings(deadline=None, max_examples=40)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=20),
    keep=st.integers(1, 10_000),
)
def test_no_broken_photograph_breaks_the_reading(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]], keep: int
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    data = bytearray(jpeg(folder / "a.jpg", away(5)).read_bytes()[:keep])
    for place, value in cuts:
        data[place % len(data)] = value
    (folder / "b.jpg").write_bytes(data)
    told = "b.jpg: got "
    try:
        with staged(folder / "e", [folder / "b.jpg"], TERMS) as looked:
            kind = looked[0].kind
    except WorkspaceError as error:
        kind, told = "jpeg", str(error)
    assert kind == "jpeg"
    assert told.startswith("b.jpg: got ")


def test_other_kinds_are_taken_in_and_told_to_be_unread(tmp_path: Path, county: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nx\n%%EOF\n")
    docx(tmp_path / "b.docx")
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("xl/workbook.xml", "<workbook/>")
    (tmp_path / "d.txt").write_bytes("现场记录".encode("gb18030"))
    (tmp_path / "e.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(90))
    files = sorted(path for path in tmp_path.iterdir() if path.is_file())
    assert [kind_of(path) for path in files] == ["pdf", "docx", "xlsx", "txt", "mp4"]
    told = attach(county, *files)
    assert [[remark.kind for remark in one.remarks] for one in told] == [["not_read"]] * 5
    assert [one.path.suffix for one in told] == [".pdf", ".docx", ".xlsx", ".txt", ".mp4"]


# --- outward copies ---


def handed(root: Path, target: Path, **more: Any) -> list[Any]:
    with read_ledger(root / "cases.sqlite") as connection:
        case = case_of(connection)
        return hand_out(read_files(connection, case), root / "evidence", target, case, TERMS, **more)


def test_outward_copies_hold_nothing_but_pixels(tmp_path: Path, county: Path) -> None:
    photo = jpeg(tmp_path / "张三.jpg", away(5), size=(80, 40), orientation=6)
    photo.write_bytes(photo.read_bytes() + b"\0zhang san's film")  # moving photographs hang behind the picture
    noted = PngImagePlugin.PngInfo()
    noted.add_text("Author", "zhang san")
    exif = Image.Exif()
    exif[0x013B] = "zhang san"
    Image.new("RGBA", (30, 20), (9, 9, 9, 99)).save(tmp_path / "b.png", pnginfo=noted, exif=exif)
    Image.new("CMYK", (30, 20)).save(tmp_path / "c.tif", exif=exif)
    assert b"zhang san" in photo.read_bytes()
    assert metadata_left(photo) != []
    attach(county, photo, tmp_path / "b.png", tmp_path / "c.tif")
    told = handed(county, tmp_path / "out")
    assert [one.how for one in told] == ["given"] * 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [one.copy for one in told]
    assert [Path(one.copy).suffix for one in told] == [".jpg", ".png", ".png"]
    for path in (tmp_path / "out").iterdir():
        assert b"zhang" not in path.read_bytes()
        assert b"Exif" not in path.read_bytes()
        assert metadata_left(path) == []
        with Image.open(path) as image:
            assert not image.getexif()
            assert not {"exif", "xmp", "comment", "icc_profile", "Author"} & set(image.info)
    with Image.open(tmp_path / "out" / told[0].copy) as image:
        assert image.size == (40, 80)  # upright, though what says so is gone


@pytest.mark.parametrize(
    "inner", [b"Exif\0\0II*\0zhang", b"http://ns.adobe.com/xap/1.0/\0zhang", b"ICC_PROFILE\0zhang", b"MPF\0zhang"]
)
@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xFE])
def test_what_is_left_in_a_copy_is_found(tmp_path: Path, inner: bytes, marker: int) -> None:
    plain = io.BytesIO()
    Image.effect_noise((200, 100), 60).save(plain, "JPEG", progressive=True)
    data = plain.getvalue()
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert metadata_left(path) == []
    path.write_bytes(data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(inner) + 2) + inner + data[2:])
    assert metadata_left(path) == [f"segment {marker:02X}"]
    path.write_bytes(data + inner)
    assert metadata_left(path) == ["bytes after the end"]
    path.write_bytes(data[:-9])
    assert metadata_left(path) == ["no end"]


def test_colours_stay_when_their_profile_goes(tmp_path: Path, county: Path) -> None:
    from PIL import ImageCms

    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (64, 64), (200, 30, 60)).save(tmp_path / "a.jpg", icc_profile=xyz, quality=95)
    attach(county, tmp_path / "a.jpg")
    (one,) = handed(county, tmp_path / "out")
    with Image.open(tmp_path / "out" / one.copy) as image:
        assert image.getpixel((32, 32)) == pytest.approx((200, 30, 60), abs=4)


def test_pictures_hidden_behind_the_first_one_stay_behind(tmp_path: Path, county: Path) -> None:
    first, hidden = Image.new("RGB", (64, 64), "green"), Image.effect_noise((64, 64), 99).convert("RGB")
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[hidden])
    Image.new("RGB", (64, 64)).save(tmp_path / "b.tif", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    attach(county, tmp_path / "a.jpg")
    (one,) = handed(county, tmp_path / "out")
    with Image.open(tmp_path / "out" / one.copy) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("JPEG", 1)
    attach(county, tmp_path / "b.tif")
    with pytest.raises(WorkspaceError, match=r"b.tif: got a TIFF of several pages"):
        handed(county, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_documents_are_withheld_unless_asked_for(tmp_path: Path, county: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n/Author (zhang san)\n%%EOF\n")
    (tmp_path / "b.txt").write_text("记录", encoding="utf-8")
    attach(county, tmp_path / "a.pdf", tmp_path / "b.txt")
    assert [(one.how, bool(one.copy)) for one in handed(county, tmp_path / "one")] == [
        ("withheld", False),
        ("given", True),
    ]
    assert [path.suffix for path in (tmp_path / "one").iterdir()] == [".txt"]
    told = handed(county, tmp_path / "two", with_documents=True)
    assert [one.how for one in told] == ["with_metadata", "given"]
    assert "仍在" in told[0].why.zh


def test_copies_are_written_into_a_free_place_or_not_at_all(tmp_path: Path, county: Path) -> None:
    with pytest.raises(WorkspaceError, match="no files"):
        handed(county, tmp_path / "out")
    (one,) = attach(county, jpeg(tmp_path / "a.jpg", away(5)))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for target, expected in (
        (tmp_path / "full", "new or empty"), (tmp_path / "no" / "out", "above it"), (county / "evidence" / "out", "outside"),
    ):  # fmt: skip
        with pytest.raises(WorkspaceError, match=expected):
            handed(county, target)
    one.path.unlink()
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkspaceError, match="no whole original"):
        handed(county, tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".part")]


# --- content and commands ---


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("far_m            = 500", "far_m = -1", "far_m: got -1"), ("thumb_px         = 320", "", "thumb_px"),
        ('[".png"]', '[".jpg"]', "ending of one kind"), ('outward = "as_is"', 'outward = "plain"', "way out"),
        ("[kinds.png]", "[kinds.bmp]", "kind that GeoSys can tell"), ("most_megapixels  = 100", "most_megapixels = 900", "at most 178"),
        ('[".png"]', "[]", "endings as"), ("far_m            = 500", "far_m = nan", "far_m: got nan"),
    ],
)  # fmt: skip
def test_faults_of_the_terms_are_named(tmp_path: Path, was: str, now: str, expected: str) -> None:
    text = (ROOT / "cases" / "evidence.toml").read_text(encoding="utf-8")
    assert was in text
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "evidence.toml").write_text(text.replace(was, now), encoding="utf-8")
    with pytest.raises(SpecError, match=expected):
        read_evidence_terms(tmp_path)


def test_the_states_of_the_terms_are_those_of_the_workflow() -> None:
    from geosys.cases.workflow import all_states, read_workflow

    assert {*TERMS.work_states, *TERMS.anew_states} <= set(all_states(read_workflow(ROOT)))


def test_the_commands_attach_list_and_hand_out(
    tmp_path: Path, county: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (county / "geosys.toml").write_text('title = { zh = "某县", en = "County" }\ncrs = "EPSG:4547"\n', encoding="utf-8")
    app = typer.Typer()
    app.command(name="attach", help=evidence_command.ATTACH_HELP)(evidence_command.attach)
    app.command(name="files", help=evidence_command.FILES_HELP)(evidence_command.files)
    app.command(name="hand-out", help=evidence_command.HAND_OUT_HELP)(evidence_command.give_out)
    monkeypatch.chdir(county)

    def call(code: int, *arguments: str) -> Any:
        with pytest.raises(SystemExit) as ended:
            app(args=[*arguments], standalone_mode=True)
        assert int(ended.value.code or 0) == code
        return capsys.readouterr().out

    with read_ledger(county / "cases.sqlite") as connection:
        case = case_of(connection)
    good, bad = str(jpeg(tmp_path / "a.jpg", away(5))), str(jpeg(tmp_path / "b.jpg", away(9000)))
    who = ("--by", "张三", "--today", "2026-10-09")
    told = json.loads(call(0, "attach", case, good, *who, "--json"))
    assert told["files"][0]["remarks"] == []
    assert original(county / "evidence", told["files"][0]["sha256"], "image/jpeg").is_file()
    assert "疑问" in call(1, "attach", case, bad, *who)
    assert "重复" in call(0, "attach", case, good, *who)
    rows = json.loads(call(0, "files", case, "--json"))
    assert [(row["name"], [r["kind"] for r in row["remarks"]]) for row in rows] == [
        ("a.jpg", []),
        ("b.jpg", ["far_away"]),
    ]
    assert "b.jpg" in call(0, "files", case)
    assert len(json.loads(call(0, "hand-out", case, "out", "--json"))["files"]) == 2
    assert len(list((county / "out").iterdir())) == 2
    with pytest.raises(WorkspaceError, match="expected a case"):
        app(args=["files", "nobody"], standalone_mode=True)
