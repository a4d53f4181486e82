"""Water sections on the rivers and two years of monthly samples, with the class that was published for each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geosys.sample.places import as_decimal
from geosys.sample.rivers import Rivers, locate
from geosys.sample.terrain import CRS
from geosys.sample.villages import COUNTY_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECTIONS = 64
MONTHS = 24
FIRST_MONTH = (2024, 10)
SILENT = (12, 33, 45)  # sections without a value in the last two months
STUCK = (18, 39)  # sections that send the same values three months in a row
SUDDEN = (27, 52)  # sections that something got into in the last month
SOURCE_WATER = 3  # the first sections of the main river guard a source: class II
CLASSES = np.array(["I", "II", "III", "IV", "V", "劣V"], dtype=object)

# field: limits of class I to V, decimals, middle value in clean water, extra at full pollution, rise in summer (share)
_ITEMS: dict[str, tuple[tuple[float, ...], int, float, float, float]] = {
    "codmn_mg_l": ((2, 4, 6, 10, 15), 1, 3.0, 6.5, 0.25),
    "cod_mg_l": ((15, 15, 20, 30, 40), 1, 12.0, 20.0, 0.2),
    "bod5_mg_l": ((3, 3, 4, 6, 10), 1, 2.0, 4.2, 0.15),
    "nh3n_mg_l": ((0.15, 0.5, 1.0, 1.5, 2.0), 2, 0.22, 1.5, -0.45),
    "tp_mg_l": ((0.02, 0.1, 0.2, 0.3, 0.4), 3, 0.06, 0.24, 0.3),
}


def draw_sections(rng: np.random.Generator, rivers: Rivers) -> gpd.GeoDataFrame:
    """Place the sections along all rivers and canals, in the order of the flow."""
    length = rivers.frame.geometry.length.to_numpy() * np.where(rivers.frame["is_canal"], 0.5, 1.0)
    share = np.maximum(1, np.floor(length / length.sum() * SECTIONS).astype(int))
    share[0] += SECTIONS - share.sum()
    places, river = [], []
    for k, count in enumerate(share):
        along = (np.arange(count) + rng.uniform(0.3, 0.7, count)) / count * rivers.frame.geometry.iloc[k].length
        places.append(locate(rivers, k, along, np.zeros(count)))
        river += [k] * int(count)
    name = rivers.frame["river_name"].to_numpy()[river]
    order = pd.Series(river).groupby(river).cumcount().to_numpy() + 1
    level = np.full(SECTIONS, "县控", dtype=object)
    level[4::5] = "市控"
    level[[0, int(share[0]) - 1]] = "国控"
    level[rng.choice(np.arange(1, SECTIONS), 9, replace=False)] = "省控"
    main = np.array(river) == 0
    others = rng.choice(np.array(["III", "IV", "V"], dtype=object), SECTIONS, p=[0.3, 0.5, 0.2])
    target = np.where(main, np.where(order <= SOURCE_WATER, "II", "III"), others)
    return gpd.GeoDataFrame(
        {
            "section_code": [f"DM{COUNTY_CODE}{k + 1:03d}" for k in range(SECTIONS)],
            "section_name": [f"{n}{'上中下'[min(o - 1, 2)]}游{o}号断面" for n, o in zip(name, order, strict=True)],
            "river_name": name,
            "level": level,
            "target_class": target,
            "target_year": 2026,
            "county_code": COUNTY_CODE,
        },
        geometry=as_decimal(np.asarray(shapely.points(np.vstack(places)), dtype=object)),
        crs=CRS,
    )


def draw_samples(rng: np.random.Generator, sections: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return a sample of every section in every month, with warm summers, floods and a slow change for the better."""
    count = len(sections)
    month = np.tile(np.arange(MONTHS), count)
    who = np.repeat(np.arange(count), MONTHS)
    calendar = (FIRST_MONTH[1] - 1 + month) % 12 + 1
    summer = np.cos((calendar - 7.5) / 12.0 * 2.0 * np.pi)
    pollution = rng.beta(1.6, 3.2, count)[who] * (1.0 - 0.008 * month) + rng.normal(0.0, 0.06, len(who))
    pollution = pollution.clip(0.0, 1.1)
    frame = pd.DataFrame(
        {
            "section_code": sections["section_code"].to_numpy()[who],
            "sampled_on": [
                _sampling_day(int(m), int(d)) for m, d in zip(month, rng.integers(3, 13, len(who)), strict=True)
            ],
            "section_name": sections["section_name"].to_numpy()[who],
            "water_temp_c": np.round(15.0 + 11.5 * summer + rng.normal(0.0, 1.2, len(who)), 1).clip(1.0),
            "ph": np.round(rng.normal(7.9, 0.2, len(who)).clip(6.8, 8.9), 1),
            "do_mg_l": np.round(
                (9.2 - 2.0 * summer - 3.6 * pollution + rng.normal(0.0, 0.4, len(who))).clip(1.2, 14.0), 1
            ),
        }
    )
    for field, (_, decimals, middle, extra, rise) in _ITEMS.items():
        value = (middle + extra * pollution) * (1.0 + rise * summer) * np.exp(rng.normal(0.0, 0.12, len(who)))
        frame[field] = np.round(value, decimals)
    frame["tn_mg_l"] = np.round((1.6 + 4.5 * pollution) * np.exp(rng.normal(0.0, 0.15, len(who))), 2)
    frame["published_class"] = CLASSES[_worst_class(frame)]
    return _interrupted(frame)


def _interrupted(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the samples with some stations silent, some stuck and some suddenly bad at the end."""
    values = [name for name in frame if name not in ("section_code", "sampled_on", "section_name")]
    frame = frame.astype({"published_class": object})
    for section in SILENT:
        frame.loc[(section + 1) * MONTHS - 2 : (section + 1) * MONTHS - 1, values] = None
    for section in STUCK:
        last = (section + 1) * MONTHS - 1
        frame.loc[last - 1 : last, values] = frame.loc[[last - 2] * 2, values].to_numpy()
    for section in SUDDEN:
        frame.loc[(section + 1) * MONTHS - 1, ["nh3n_mg_l", "published_class"]] = [3.14, CLASSES[-1]]
    return frame


def _sampling_day(month: int, day: int) -> dt.date:
    """Return a day in the month so many months after the first."""
    year, rest = divmod(FIRST_MONTH[0] * 12 + FIRST_MONTH[1] - 1 + month, 12)
    return dt.date(year, rest + 1, day)


def _worst_class(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the class (0 for I to 5 for worse than V) of the worst item of each sample.

    Source
    ------
    GB 3838-2002, table 1 (rivers); oxygen by concentration only.
    """
    worst = np.searchsorted(-np.array([7.5, 6.0, 5.0, 3.0, 2.0]), -frame["do_mg_l"].to_numpy(), side="left")
    for field, (limits, *_) in _ITEMS.items():
        worst = np.maximum(worst, np.searchsorted(np.array(limits), frame[field].to_numpy(), side="left"))
    return np.asarray(worst, dtype=np.int64)
