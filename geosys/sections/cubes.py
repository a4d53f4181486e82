"""The samples of sections as a cube of section, time and item, for NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geosys.standards.period_values import DAY, values_by
from geosys.standards.surface_water import KINDS
from geosys.standards.water_items import ITEMS, PH, TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.standards.attainment import Sections
    from geosys.standards.period_values import Samples

_UNITS = {PH: "dimensionless", TEMPERATURE: "C", "fecal_coli": "MPN/L"}


def cube_of(samples: Samples, names: Sequence[str], sections: Sections) -> Any:
    """Return the day's values of samples as an xarray dataset with a variable an item over section and time.

    Parameters
    ----------
    samples
        Usable ones; several of a day are averaged.
    names
        Of the sections, by position: the coordinate.
    sections
        Their kinds of water, the coordinate ``water_type`` that `grade_cube` reads; empty where not known.

    Returns
    -------
    Variables by item with `units`; of a detection limit the limit, with ``<item>_below`` beside it where there is one.
    Missing values are NaN. Sections without a value are not in it.
    """
    values = values_by(samples, DAY)
    words = {code: word for word, code in KINDS.items()}
    table: dict[str, Any] = {
        "section": np.array(names, dtype=object)[values.section].astype(str),
        "time": values.period.astype("datetime64[D]").astype("datetime64[ns]"),
    }
    for item in ITEMS:
        if item in values.numbers and np.isfinite(values.numbers[item]).any():
            table[item] = values.numbers[item]
        if item in values.below:
            table[f"{item}_below"] = values.below[item].astype(np.float64)
    cube = pd.DataFrame(table).set_index(["section", "time"]).to_xarray()
    place = {name: i for i, name in enumerate(names)}
    kinds = [words.get(int(sections.kind[place[str(name)]]), "") for name in cube["section"].to_numpy()]
    cube = cube.assign_coords({"water_type": ("section", np.array(kinds, dtype=str))})
    for name in cube.data_vars:
        item = str(name).removesuffix("_below")
        told = {"long_name": f"{ITEMS[item].zh} {ITEMS[item].en}"}
        cube[name].attrs = told if str(name) != item else told | {"units": _UNITS.get(item, "mg/L")}
    return cube
