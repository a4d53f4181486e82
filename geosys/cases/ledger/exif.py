"""EXIF: where and when a photograph says it was taken, and what of that cannot be believed."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geosys._text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

# Source: CIPA DC-008 (Exif 2.32), tables 4, 8 and 15
TAKEN, DIGITIZED, OFFSET, OFFSET_DIGITIZED = 0x9003, 0x9004, 0x9011, 0x9012
LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, GPS_TIME, MAP_DATUM, GPS_DATE = 1, 2, 3, 4, 7, 18, 29
CHINA = dt.timezone(dt.timedelta(hours=8))  # one time for the whole country
_SAME_DATUMS = ("", "WGS84", "CGCS2000", "GCS2000", "CHINAGEODETICCOORDINATESYSTEM2000")  # decimetres apart
_DOUBTS = frozenset(
    {
        "far_away", "gcj02", "before_work", "after_today", "unreadable_place", "unreadable_time", "clocks_differ", "other_datum",
        "used_elsewhere", "damaged_exif",
    }
)  # fmt: skip
_SIXTY = 60.0


@dataclass(frozen=True, slots=True)
class Remark:
    """Hold one thing that a person should know of a file: its kind, in words."""

    kind: str
    text: Text

    @property
    def is_doubt(self) -> bool:
        """Say whether it speaks against the file, and does not merely say what could not be looked at."""
        return self.kind in _DOUBTS


@dataclass(frozen=True, slots=True)
class Tags:
    """Hold what a picture's file says of itself: tags of Exif and of GPS by number, as the reader gives them."""

    exif: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Hold when (Beijing time, without a zone) and where (degrees as written, WGS 84 meant) a photograph was taken, and remarks."""

    at: dt.datetime | None
    longitude: float | None
    latitude: float | None
    remarks: tuple[Remark, ...]


def taken(tags: Tags, clock_hours: float) -> Taken:
    """Read place and time from tags; what is missing or absurd becomes a remark, never a number.

    Parameters
    ----------
    tags
        Of one picture.
    clock_hours
        How far the camera's clock may be from the satellites'.

    Examples
    --------
    >>> gps = {1: "N", 2: (34.0, 30.0, 0.0), 3: "E", 4: (114.0, 15.0, 36.0)}
    >>> found = taken(Tags({0x9003: "2026:10:01 09:30:00"}, gps), 24)
    >>> found.at, found.longitude, found.latitude, found.remarks
    (datetime.datetime(2026, 10, 1, 9, 30), 114.26, 34.5, ())
    >>> [remark.kind for remark in taken(Tags(gps=gps | {1: ""}), 24).remarks]
    ['unreadable_place', 'no_time']
    """
    remarks = []
    if tags.is_damaged:
        remarks.append(Remark("damaged_exif", Text("照片附带信息已损坏", "its EXIF is damaged")))
    place = _place(tags.gps, remarks)
    by_camera, by_satellite = _camera_time(tags.exif, remarks), _gps_time(tags.gps)
    if by_camera and by_satellite and abs(by_camera - by_satellite) > dt.timedelta(hours=clock_hours):
        told = Text(
            f"相机时间 {by_camera} 与卫星时间 {by_satellite} 不一致",
            f"the camera says {by_camera}, the satellites {by_satellite}",
        )
        remarks.append(Remark("clocks_differ", told))
    at = by_camera or by_satellite
    if at is None and not any(remark.kind == "unreadable_time" for remark in remarks):
        remarks.append(Remark("no_time", Text("照片没有拍摄时间", "it does not say when it was taken")))
    longitude, latitude = place or (None, None)
    return Taken(at, longitude, latitude, tuple(remarks))


def _place(gps: Mapping[int, Any], remarks: list[Remark]) -> tuple[float, float] | None:
    written = {name: gps.get(name) for name in (LATITUDE, LONGITUDE)}
    if all(value is None for value in written.values()):
        remarks.append(Remark("no_place", Text("照片没有拍摄位置", "it does not say where it was taken")))
        return None
    latitude = _degrees(written[LATITUDE], gps.get(LATITUDE_REF), "NS", 90.0)
    longitude = _degrees(written[LONGITUDE], gps.get(LONGITUDE_REF), "EW", 180.0)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        refs = (_word(gps.get(LATITUDE_REF)), _word(gps.get(LONGITUDE_REF)))
        shown = f"{_shown(written[LATITUDE])} {refs[0]}, {_shown(written[LONGITUDE])} {refs[1]}"
        told = Text(f"拍摄位置无法采信：{shown}", f"its place cannot be meant: {shown}")
        remarks.append(Remark("unreadable_place", told))
        return None
    datum = _word(gps.get(MAP_DATUM))
    if "GCJ" in datum.upper():
        remarks.append(Remark("gcj02", Text(f"拍摄位置写明为 {datum}", f"its place is said to be in {datum}")))
    elif "".join(sign for sign in datum.upper() if sign.isalnum()) not in _SAME_DATUMS:
        told = Text(f"拍摄位置的坐标系写为 {datum}，未换算", f"its place is said to be in {datum}; not converted")
        remarks.append(Remark("other_datum", told))
    return longitude, latitude


def _degrees(value: Any, reference: Any, letters: str, most: float) -> float | None:
    """Return degrees from degrees, minutes and seconds, south and west negative; None where they cannot be meant."""
    parts = _numbers(value)
    word = _word(reference).upper()[:1]
    if len(parts) != 3 or not word or word not in letters:  # noqa: PLR2004
        return None
    degrees, minutes, seconds = parts
    if min(parts) < 0 or minutes >= _SIXTY or seconds > _SIXTY:  # writers round 59.9999 up to 60 seconds
        return None
    total = degrees + minutes / _SIXTY + seconds / _SIXTY**2
    return None if total > most else (total if word == letters[0] else -total)


def _numbers(value: Any) -> list[float]:
    """Return the finite numbers of a tag; none at all where one of them is not (as 0/0)."""
    if not isinstance(value, (tuple, list)):
        return []
    try:
        numbers = [float(part) for part in value]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _word(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return "".join(sign for sign in text if sign.isprintable()).strip()[:40]


def _shown(value: Any) -> str:
    """Return a tag for a message: bounded and printable."""
    try:
        text = " ".join(f"{float(part):g}" for part in value[:6])
    except (TypeError, ValueError, ZeroDivisionError, OverflowError, KeyError, IndexError):
        text = ""
    return text or "?"


def _camera_time(exif: Mapping[int, Any], remarks: list[Remark]) -> dt.datetime | None:
    for tag, offset_tag in ((TAKEN, OFFSET), (DIGITIZED, OFFSET_DIGITIZED)):
        text = _word(exif.get(tag))
        if not text or not text.strip("0: "):
            continue  # cameras without a clock write zeros or blanks
        offset = _word(exif.get(offset_tag))
        try:
            at = dt.datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  its zone is the next tag
            if offset:
                at = at.replace(tzinfo=dt.datetime.strptime(offset, "%z").tzinfo)
                at = at.astimezone(CHINA).replace(tzinfo=None)
        except (ValueError, OverflowError):
            shown = f"{text} {offset}".strip()
            told = Text(f"拍摄时间无法读出：{shown}", f"when it was taken cannot be read: {shown}")
            remarks.append(Remark("unreadable_time", told))
            return None
        return at
    return None


def _gps_time(gps: Mapping[int, Any]) -> dt.datetime | None:
    parts = _numbers(gps.get(GPS_TIME))
    if len(parts) != 3:  # noqa: PLR2004
        return None
    try:
        day = dt.datetime.strptime(_word(gps.get(GPS_DATE)), "%Y:%m:%d").replace(tzinfo=dt.UTC)
        at = day + dt.timedelta(hours=parts[0], minutes=parts[1], seconds=math.floor(parts[2]))
        return at.astimezone(CHINA).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
