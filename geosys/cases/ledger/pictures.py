"""Pictures: read what their files say of themselves, draw small ones, and write copies that hold nothing but pixels."""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from geosys._errors import WorkspaceError
from geosys.cases.ledger.exif import Tags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORMATS = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF"}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
# What hostile or damaged pictures make the reader raise; anything else would be a fault of ours.
_FAULTS = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, struct.error, AttributeError, OverflowError,
    MemoryError, RuntimeError, Image.DecompressionBombError, ImageCms.PyCMSError,
)  # fmt: skip
_PIXELS = 1_000_000
_SMALL_QUALITY, _COPY_QUALITY = 80, 90
# Segments and chunks that only say how to show the pixels.
_JPEG_PLAIN = {0xE0, 0xDB, 0xC4, 0xDD, 0xDA, *(set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC})}
_PNG_PLAIN = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_JFIF_BYTES = 16  # of its segment without an inner thumbnail


def read_tags(path: Path, kind: str, most_megapixels: float) -> Tags:
    """Return what a picture's file says of itself, without decoding the pixels.

    Raises
    ------
    WorkspaceError
        When it is no picture of that kind, or has more pixels than allowed.
    """
    with _opened(path, kind) as image:
        width, height = image.size
        if width * height > most_megapixels * _PIXELS:
            raise WorkspaceError(
                f"got a picture of {width} × {height}, expected at most {most_megapixels:g} million pixels. Give the one the camera made."
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exif = image.getexif()
                own, gps = (dict(exif.get_ifd(ifd)) for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
        except (*_FAULTS, Warning):
            return Tags(is_damaged=True)
        return Tags(own, gps)


def draw_small(path: Path, kind: str, target: Path, pixels: int) -> None:
    """Write a small upright JPEG of a picture, its longer side at most `pixels`; this decodes the picture to its end.

    Raises
    ------
    WorkspaceError
        When the picture is damaged or cut short.
    """
    with _opened(path, kind) as image:
        turn = _turn(image)
        image.thumbnail((pixels, pixels))
        _bare(_upright(image, turn), has_alpha=False).save(target, "JPEG", quality=_SMALL_QUALITY)


def write_plain(path: Path, kind: str, target: Path) -> None:
    """Write a copy of a picture that holds nothing but its pixels, upright and in sRGB: JPEG of a JPEG, PNG of others.

    Raises
    ------
    WorkspaceError
        When the picture is damaged, has several pages, or the copy, read back, holds anything else.
    """
    with _opened(path, kind) as image:
        if kind == "tiff" and getattr(image, "n_frames", 1) > 1:
            raise WorkspaceError("got a TIFF of several pages, expected one. Save each page as a picture of its own.")
        turn = _turn(image)
        image.load()
        bare = _bare(_upright(_in_srgb(image), turn), has_alpha=kind != "jpeg")
        if kind == "jpeg":
            bare.save(target, "JPEG", quality=_COPY_QUALITY)
        else:
            bare.save(target, "PNG")
    left = metadata_left(target)
    if left:
        target.unlink()
        raise WorkspaceError(f"got {', '.join(left)} in the copy, expected pixels only. Nothing was handed out.")


def metadata_left(path: Path) -> list[str]:
    """Return the parts of a JPEG or PNG that are more than pixels and how to show them, read from its bytes."""
    data = path.read_bytes()
    return _jpeg_parts(data) if data[:2] == b"\xff\xd8" else _png_parts(data)


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is looked at here: size, and tags
            with Image.open(path, formats=[_FORMATS[kind]]) as image:
                yield image
    except Image.DecompressionBombError:
        raise WorkspaceError(
            f"got a {_FORMATS[kind]} of far too many pixels, expected a photograph. Give the one the camera made."
        ) from None
    except UnidentifiedImageError:
        raise WorkspaceError(f"got no {_FORMATS[kind]} inside, expected a whole one. Copy it again.") from None
    except _FAULTS as error:
        if isinstance(error, OSError) and error.errno:  # the disk's, not the picture's
            raise
        said = "".join(sign for sign in str(error) if sign.isprintable())[:120]
        raise WorkspaceError(
            f"got a damaged {_FORMATS[kind]} ({type(error).__name__}: {said}), expected a whole one. Copy it again from the camera."
        ) from None


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except (*_FAULTS, Warning):
        return None


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return an image in sRGB, so that its colours stay when its profile goes."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        given, plain = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, given, plain, outputMode="RGB") or image
    except (OSError, ValueError, ImageCms.PyCMSError):
        return image


def _bare(image: Image.Image, *, has_alpha: bool) -> Image.Image:
    """Return the pixels as a new image: nothing that came with the old one goes along."""
    is_clear = has_alpha and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info)
    mode = "RGBA" if is_clear else "L" if image.mode in ("1", "L") else "RGB"
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"colours of kind {image.mode}")
    flat = image if image.mode == mode else image.convert(mode)
    bare = Image.new(mode, flat.size)
    bare.paste(flat)
    return bare


def _jpeg_parts(data: bytes) -> list[str]:
    found: list[str] = []
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004
            return [*found, "bytes between segments"]
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker not in _JPEG_PLAIN or (marker == 0xE0 and size != _JFIF_BYTES):  # noqa: PLR2004
            found.append(f"segment {marker:02X}")
        at += 2 + size
        if marker == 0xDA:  # noqa: PLR2004  pixels follow up to the next marker
            at = data.find(b"\xff", at)
            while at >= 0 and (data[at + 1 : at + 2] == b"\0" or data[at + 1 : at + 2] in _RESTARTS):
                at = data.find(b"\xff", at + 2)
            if at < 0:
                return [*found, "no end"]
        if data[at : at + 2] == b"\xff\xd9":
            return [*found, *(["bytes after the end"] if at + 2 != len(data) else [])]
    return [*found, "no end"]


_RESTARTS = frozenset(bytes([marker]) for marker in range(0xD0, 0xD8))


def _png_parts(data: bytes) -> list[str]:
    found: list[str] = []
    at = 8
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name not in _PNG_PLAIN:
            found.append(f"chunk {name.decode('latin-1')}")
        at += 12 + size
        if name == b"IEND":
            return [*found, *(["bytes after the end"] if at != len(data) else [])]
    return [*found, "no end"]
