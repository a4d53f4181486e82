"""Add coded domains to a file geodatabase: what pyogrio cannot do, asked of the GDAL library that came with it.

The one module that calls C. Every function that is called has its types declared, and the library must be of the version
that pyogrio names, so that nothing is called that means something else.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import GeoSysError
from geosys.layers.vector_files import place_of_gdal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

TYPES = {"integer": 0, "number": 2, "text": 4}  # OFTInteger, OFTReal, OFTString
_OLDEST = (3, 3)  # from which geodatabases take domains; GDAL 3.3 made them writable
_VECTOR, _UPDATE = 0x04, 0x01  # GDAL_OF_VECTOR, GDAL_OF_UPDATE
_DOMAIN = 0x40  # ALTER_DOMAIN_FLAG: nothing else of the field changes
_DONE = 0  # OGRERR_NONE
_PATTERNS = {"win32": ("*.libs", "gdal*.dll"), "darwin": (".dylibs", "libgdal*.dylib")}


class _Code(ctypes.Structure):
    """Hold one code and its title, as `OGRCodedValue` does; one without a code ends the list."""

    _fields_ = (("code", ctypes.c_char_p), ("title", ctypes.c_char_p))


_HANDLE, _TEXT, _NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
# name -> (what it returns, what it takes). Source: gdal.h, ogr_api.h of GDAL 3.12.
_FUNCTIONS: dict[str, tuple[object, Sequence[object]]] = {
    "GDALVersionInfo": (_TEXT, [_TEXT]),
    "GDALOpenEx": (_HANDLE, [_TEXT, ctypes.c_uint, _HANDLE, _HANDLE, _HANDLE]),
    "GDALClose": (_NUMBER, [_HANDLE]),
    "GDALDatasetGetLayerByName": (_HANDLE, [_HANDLE, _TEXT]),
    "GDALDatasetAddFieldDomain": (ctypes.c_bool, [_HANDLE, _HANDLE, ctypes.POINTER(_TEXT)]),
    "CPLGetLastErrorMsg": (_TEXT, []),
    "CPLErrorReset": (None, []),
    "OGR_CodedFldDomain_Create": (_HANDLE, [_TEXT, _TEXT, _NUMBER, _NUMBER, ctypes.POINTER(_Code)]),
    "OGR_FldDomain_Destroy": (None, [_HANDLE]),
    "OGR_L_GetLayerDefn": (_HANDLE, [_HANDLE]),
    "OGR_L_AlterFieldDefn": (_NUMBER, [_HANDLE, _NUMBER, _HANDLE, _NUMBER]),
    "OGR_FD_GetFieldIndex": (_NUMBER, [_HANDLE, _TEXT]),
    "OGR_FD_GetFieldDefn": (_HANDLE, [_HANDLE, _NUMBER]),
    "OGR_Fld_GetType": (_NUMBER, [_HANDLE]),
    "OGR_Fld_Create": (_HANDLE, [_TEXT, _NUMBER]),
    "OGR_Fld_Destroy": (None, [_HANDLE]),
    "OGR_Fld_SetDomainName": (None, [_HANDLE, _TEXT]),
}


class DomainError(GeoSysError):
    """Coded domains cannot be written into a file geodatabase."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Hold a coded domain: its name in the geodatabase, what it is about, ``text``, ``integer`` or ``number``, the titles of codes."""

    name: str
    about: str
    type: str
    codes: Mapping[str, str]


def add_domains(path: Path, domains: Sequence[Domain], fields: Mapping[tuple[str, str], str]) -> None:
    """Add coded domains to a file geodatabase and give them to fields.

    Parameters
    ----------
    fields : (layer, field) -> name of the domain.

    Raises
    ------
    DomainError
        When GDAL's library cannot be found or is another than pyogrio's, or when it refuses a domain; the reason is its own.
    """
    gdal = load_gdal()
    with _opened(gdal, path) as dataset:
        for domain in domains:
            _add(gdal, dataset, domain, path)
        for (layer, field), name in fields.items():
            _give(gdal, dataset, layer, field, name)


def load_gdal() -> ctypes.CDLL:
    """Return the GDAL library of pyogrio with the types of its functions declared.

    Raises
    ------
    DomainError
        When it cannot be found, or is of another version or too old.
    """
    package, version = place_of_gdal()
    file = _library_file(package)
    try:
        gdal = ctypes.CDLL(str(file))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(gdal, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise DomainError(
            f"{file.name}: got a library that cannot be used ({error}), expected GDAL {version}. Install pyogrio anew."
        ) from None
    found = gdal.GDALVersionInfo(b"RELEASE_NAME").decode()
    if found != version or tuple(int(part) for part in found.split(".")[:2]) < _OLDEST:
        raise DomainError(
            f"{file.name}: got GDAL {found}, expected {version}, that of pyogrio, and at least "
            f"{'.'.join(map(str, _OLDEST))}. Install pyogrio anew."
        )
    return gdal


def _library_file(package: Path) -> Path:
    """Return the file of the library: beside the package on Linux and Windows, inside it on macOS."""
    folder, pattern = _PATTERNS.get(sys.platform, ("*.libs", "libgdal*.so*"))
    folders = [package / folder] if sys.platform == "darwin" else [package.parent / f"{package.name}.libs"]
    files = sorted(file for place in folders if place.is_dir() for file in place.glob(pattern))
    if len(files) != 1:
        raise DomainError(
            f"{package}: got {len(files)} libraries '{pattern}' in {', '.join(map(str, folders))}, expected one, that of pyogrio's "
            "wheel. Install pyogrio with pip; one of conda or of the system has no library of its own, and then coded domains "
            "cannot be written: take 'gdb' out of the profile's formats."
        )
    return files[0]


@contextmanager
def _opened(gdal: ctypes.CDLL, path: Path) -> Iterator[int]:
    """Yield the geodatabase opened for changes; it is closed, and so written, whatever happens."""
    gdal.CPLErrorReset()
    dataset = gdal.GDALOpenEx(str(path).encode(), _VECTOR | _UPDATE, None, None, None)
    if not dataset:
        raise _refused(gdal, path.name, "it cannot be opened")
    try:
        yield dataset
    except BaseException:
        gdal.GDALClose(dataset)
        raise
    if gdal.GDALClose(dataset) != _DONE:
        raise _refused(gdal, path.name, "it cannot be closed")


def _refused(gdal: ctypes.CDLL, where: str, what: str) -> DomainError:
    reason = (gdal.CPLGetLastErrorMsg() or b"").decode("utf-8", "replace")
    return DomainError(
        f"{where}: {what} ({reason or 'GDAL gives no reason'}). Look whether the disk is full; write it again."
    )


class _Made:
    """Hold an object of the library until it is closed."""

    def __init__(self, handle: int, destroy: Callable[[int], None]) -> None:
        self.handle, self._destroy = handle, destroy

    def close(self) -> None:
        self._destroy(self.handle)


def _add(gdal: ctypes.CDLL, dataset: int, domain: Domain, path: Path) -> None:
    pairs = [_Code(code.encode(), title.encode()) for code, title in domain.codes.items()]
    codes = (_Code * (len(pairs) + 1))(*pairs, _Code(None, None))
    made = gdal.OGR_CodedFldDomain_Create(domain.name.encode(), domain.about.encode(), TYPES[domain.type], 0, codes)
    if not made:
        raise _refused(gdal, path.name, f"the domain '{domain.name}' cannot be made")
    with closing(_Made(made, gdal.OGR_FldDomain_Destroy)):
        reason = ctypes.c_char_p()  # a few letters that GDAL leaves to whoever asks; only where it refuses
        if not gdal.GDALDatasetAddFieldDomain(dataset, made, ctypes.byref(reason)):
            why = (reason.value or b"").decode("utf-8", "replace")
            raise _refused(gdal, path.name, f"the domain '{domain.name}' is refused: {why}")


def _give(gdal: ctypes.CDLL, dataset: int, layer: str, field: str, domain: str) -> None:
    """Give a field a domain; its alias, type and width stay as they are."""
    where = f"layer '{layer}', field '{field}'"
    table = gdal.GDALDatasetGetLayerByName(dataset, layer.encode())
    if not table:
        raise _refused(gdal, where, "there is no such layer")
    described = gdal.OGR_L_GetLayerDefn(table)
    at = gdal.OGR_FD_GetFieldIndex(described, field.encode())
    if at < 0:
        raise _refused(gdal, where, "there is no such field")
    kind = gdal.OGR_Fld_GetType(gdal.OGR_FD_GetFieldDefn(described, at))
    with closing(_Made(gdal.OGR_Fld_Create(field.encode(), kind), gdal.OGR_Fld_Destroy)) as wanted:
        gdal.OGR_Fld_SetDomainName(wanted.handle, domain.encode())
        if gdal.OGR_L_AlterFieldDefn(table, at, wanted.handle, _DOMAIN) != _DONE:
            raise _refused(gdal, where, f"the domain '{domain}' cannot be given")
