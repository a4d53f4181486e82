"""Grade cubes of sections, times and items, and read and write them as NetCDF. The one door to xarray."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from geosys._errors import SpecError
from geosys.standards.limits import NAMES, STANDARD
from geosys.standards.rounding import ROUNDINGS, UNROUNDED
from geosys.standards.surface_water import KINDS, grade_surface_water
from geosys.standards.water_items import item_named, unit_factor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ITEM = "item"
KIND = "water_type"


def grade_cube(
    cube: xr.DataArray | xr.Dataset,
    kind: str | xr.DataArray = KIND,
    *,
    rounding: str = UNROUNDED,
    items: Sequence[str] | None = None,
) -> xr.Dataset:
    """Return the classes of a cube on the same coordinates.

    Parameters
    ----------
    cube
        An array with the dimension ``item`` (names of items as coordinate, in the standard's units), or a dataset with a
        variable an item, whose ``units`` are converted. Variables that are no item are left out.
    kind
        ``river``, ``lake``, the coordinate that says which for each section (default ``water_type``), or an array of both
        words.
    rounding, items
        As `grade_surface_water` takes them; items by any of their names.

    Returns
    -------
    ``section_class``, ``items_evaluated``, ``items_missing`` and ``item_class`` (0 not evaluated, 1 to 5, 6 worse than V),
    with standard and rounding as attributes.

    Raises
    ------
    SpecError
        When there is no item, a unit is none of the item's, or the kind of water is not told.
    """
    values = _arrays(cube)
    shaped = xr.broadcast(*values.values())[0] if len(values) > 1 else next(iter(values.values()))
    aligned = {name: array.broadcast_like(shaped).transpose(*shaped.dims) for name, array in values.items()}
    graded = grade_surface_water(
        {name: array.to_numpy() for name, array in aligned.items()}, _kinds(cube, kind, shaped), rounding=rounding,
        items=None if items is None else [item_named(item) for item in items],
    )  # fmt: skip
    dims = tuple(shaped.dims)
    coords = {name: c for name, c in shaped.coords.items() if ITEM not in c.dims and name != ITEM}
    told = {
        "standard": f"{STANDARD} table 1; 环办〔2011〕22号", "rounding": rounding, "rounding_rule": ROUNDINGS[rounding].both(),
        "classes": " ".join(f"{i}={name}" for i, name in enumerate(NAMES) if i), "items_that_decide": " ".join(graded.deciding),
        "saturation_used": int(graded.uses_saturation),
    }  # fmt: skip
    return xr.Dataset(
        {
            "section_class": (dims, graded.section_class.astype(np.int8)),
            "items_evaluated": (dims, graded.evaluated.astype(np.int8)),
            "items_missing": (dims, graded.missing.astype(np.int8)),
            "item_class": ((ITEM, *dims), graded.item_class.astype(np.int8)),
        },
        {**coords, ITEM: list(graded.items)},
        told,
    )


def read_cube(path: Path) -> xr.Dataset:
    """Read a NetCDF file whole, so that nothing stays open.

    Raises
    ------
    SpecError
        When the file is none, or of NetCDF 4 and no package to read it is installed.
    """
    try:
        with xr.open_dataset(path) as cube:
            return cube.load()
    except (ValueError, TypeError) as error:
        raise SpecError(
            f"{path.name}: got a file that cannot be read as NetCDF ({str(error).splitlines()[0]}), expected NetCDF 3. "
            "Save it as NETCDF3_64BIT, or install h5netcdf for NetCDF 4."
        ) from None


def write_cube(path: Path, cube: xr.Dataset) -> None:
    """Write a dataset as NetCDF 3, whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        cube.to_netcdf(part, engine="scipy", format="NETCDF3_64BIT")  # NetCDF 3: every tool of the field reads it
        part.replace(path)
    except ValueError as error:
        raise SpecError(
            f"{path.name}: got no NetCDF file ({str(error).splitlines()[0]}), expected one. Install scipy."
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _arrays(cube: xr.DataArray | xr.Dataset) -> dict[str, xr.DataArray]:
    """Return an array a item in the standard's unit."""
    if isinstance(cube, xr.DataArray):
        if ITEM not in cube.dims or ITEM not in cube.coords:
            raise SpecError(f"cube: got the dimensions {cube.dims}, expected '{ITEM}' with the names of the items.")
        names = [_text(name) for name in cube[ITEM].to_numpy()]
        return _unique((item_named(name), cube.isel({ITEM: i})) for i, name in enumerate(names))
    found = []
    for name, array in cube.data_vars.items():
        try:
            item = item_named(str(name))
        except SpecError:
            continue
        unit = str(array.attrs.get("units", ""))
        factor = unit_factor(item, unit)
        if factor is None:
            raise SpecError(f"cube: got '{name}' in {unit!r}, expected a unit of the item, as mg/L. Mend its 'units'.")
        found.append((item, array if factor == 1.0 else array * factor))
    if not found:
        raise SpecError(f"cube: got the variables {list(cube.data_vars)}, expected some that are items of {STANDARD}.")
    return _unique(found)


def _unique(pairs: Any) -> dict[str, xr.DataArray]:
    found: dict[str, xr.DataArray] = {}
    for item, array in pairs:
        if item in found:
            raise SpecError(f"cube: got the item '{item}' twice, expected once. Drop one.")
        found[item] = array
    return found


def _kinds(cube: xr.DataArray | xr.Dataset, kind: str | xr.DataArray, shaped: xr.DataArray) -> Any:
    """Return the kind of water as the grader takes it."""
    if isinstance(kind, str) and kind in KINDS:
        return kind
    if isinstance(kind, str):
        if kind not in cube.coords and kind not in getattr(cube, "data_vars", ()):
            raise SpecError(f"cube: got no '{kind}', expected 'river', 'lake' or a coordinate that says which.")
        kind = cube[kind]
    words = np.vectorize(lambda word: KINDS.get(_text(word), 0), otypes=[np.int8])(kind.to_numpy())
    return kind.copy(data=words).broadcast_like(shaped).transpose(*shaped.dims).to_numpy()


def _text(value: object) -> str:
    """Return a text; NetCDF 3 gives bytes back."""
    return (value.decode("utf-8") if isinstance(value, bytes) else str(value)).strip()
