"""Who lives where: villages and townships as groups of cells, and what each cell is built up with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geosys.sample.rivers import Rivers
    from geosys.sample.terrain import Terrain

COUNTY_CODE = "410299"
COUNTY_NAME = "样例县"
VILLAGES = 152
FIELD, VILLAGE, TOWN, PARK, SEAT = range(5)

_TOWNSHIPS = ("城关镇", "清柳镇", "白鹭镇", "槐荫乡", "芦花乡", "沙桥镇", "杏林乡", "石渡镇", "岗李乡")
_FAMILIES = "张王李赵刘陈杨黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_ENDINGS = ("庄", "寨", "楼", "营", "集", "岗", "屯", "店", "堂", "口")


@dataclass(frozen=True)
class Settlement:
    """Hold the villages, the village and the role of each cell (in the order of ``Terrain.cells``).

    `frame` has a row per village: village_code, village_name, township_code, township_name, x, y (metres),
    population.
    """

    frame: pd.DataFrame
    village_of_cell: NDArray[np.int64]
    role_of_cell: NDArray[np.int64]
    town: NDArray[np.float64]


def settle(rng: np.random.Generator, terrain: Terrain, rivers: Rivers) -> Settlement:
    """Choose the villages' places, group them into townships, and give every cell a village and a role."""
    centres = terrain.centres()
    dry = shapely.distance(shapely.points(centres), shapely.union_all(rivers.bank)) > 330.0  # noqa: PLR2004
    seeds = _spaced(rng, centres, dry)
    places = centres[seeds]
    village_of_cell = np.argmin(_distances(centres, places), axis=1)
    township, capitals = _townships(places)
    frame = _village_table(rng, places, township)
    role = np.full(len(centres), FIELD)
    role[seeds] = VILLAGE
    second = rng.permutation(seeds)[: len(seeds) // 3]
    role[_neighbours(centres, second, dry)] = VILLAGE
    role[_neighbours(centres, seeds[capitals], dry)] = SEAT
    town = places[capitals[0]]
    role[np.hypot(*(centres - town).T) < 1_550.0] = TOWN  # noqa: PLR2004
    for park in _park_sites(centres, town, dry):
        role[(np.hypot(*(centres - park).T) < 900.0) & (role != TOWN)] = PARK  # noqa: PLR2004
    return Settlement(frame, village_of_cell, role, town)


def _spaced(rng: np.random.Generator, centres: NDArray[np.float64], dry: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return cells for the villages: random, on dry ground, and not too near each other."""
    chosen: list[int] = []
    order = rng.permutation(np.flatnonzero(dry))
    for least_m in (1_650.0, 1_400.0, 1_150.0, 950.0):
        for cell in order:
            if len(chosen) == VILLAGES:
                break
            if not chosen or np.hypot(*(centres[chosen] - centres[cell]).T).min() > least_m:
                chosen.append(int(cell))
    return np.array(sorted(chosen))


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n, m) distances in metres of two sets of points."""
    return np.asarray(np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]))


def _townships(places: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the township of each village and the capital village of each township; the first is in the middle."""
    capitals = [int(np.argmin(np.hypot(*(places - places.mean(axis=0)).T)))]
    while len(capitals) < len(_TOWNSHIPS):
        gap = _distances(places, places[capitals]).min(axis=1)
        edge = np.hypot(*(places - places.mean(axis=0)).T)
        capitals.append(int(np.argmax(np.where(edge < 10_200.0, gap, 0.0))))  # noqa: PLR2004
    return np.argmin(_distances(places, places[capitals]), axis=1), np.array(capitals)


def _neighbours(centres: NDArray[np.float64], cells: NDArray[np.int64], dry: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the nearest other dry cell of each cell."""
    gap = _distances(centres[cells], centres)
    gap[np.arange(len(cells)), cells] = np.inf
    gap[:, ~dry] = np.inf
    return np.asarray(np.argmin(gap, axis=1))


def _park_sites(centres: NDArray[np.float64], town: NDArray[np.float64], dry: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the middles of the two industrial parks: beside the town, and far to its south-west."""
    wanted = town + np.array([[3_100.0, -900.0], [-6_500.0, -4_200.0]])
    gap = _distances(wanted, centres)
    gap[:, ~dry] = np.inf
    return np.asarray(centres[np.argmin(gap, axis=1)])


def _village_table(rng: np.random.Generator, places: NDArray[np.float64], township: NDArray[np.int64]) -> pd.DataFrame:
    """Return the villages with codes and names; every name occurs once."""
    pairs = [f"{family}{ending}" for family in _FAMILIES for ending in _ENDINGS]
    names = rng.permutation(pairs)[: len(places)]
    number = pd.Series(township).groupby(township).cumcount().to_numpy()
    township_code = [f"{COUNTY_CODE}{100 + k:03d}" for k in township]
    return pd.DataFrame(
        {
            "village_code": [f"{code}{200 + n:03d}" for code, n in zip(township_code, number, strict=True)],
            "village_name": [f"{name}村" for name in names],
            "township_code": township_code,
            "township_name": [_TOWNSHIPS[k] for k in township],
            "x": places[:, 0],
            "y": places[:, 1],
            "population": rng.integers(600, 4_200, len(places)),
        }
    )
