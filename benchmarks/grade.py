"""Compare grading a cube of automatic-station data with a bare numpy comparison of the same arrays: `./geo bench grade`.

200 sections × 10 years × 4-hourly × 9 items, rivers and lakes, 2 % missing. Bare: each item against its five limits, the worst
item wins; nothing else. Ours: missing, negative and impossible values, limits by kind of water, rounding, items counted. Of the
nine items of the stations, temperature is given to both, conductivity and turbidity have no class: five decide, total
nitrogen is graded apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np

from geosys.standards.surface_water import grade_surface_water

ITEMS = ("water_temp", "ph", "do", "conductivity", "turbidity", "codmn", "nh3n", "tp", "tn")
TABLE_ITEMS = ("ph", "do", "codmn", "nh3n", "tp", "tn", "cod", "bod5", "f")  # nine items that all have limits
FIVE = ("ph", "do", "codmn", "nh3n", "tp")
LIMITS = {
    "do": (7.5, 6, 5, 3, 2), "codmn": (2, 4, 6, 10, 15), "nh3n": (0.15, 0.5, 1.0, 1.5, 2.0), "tp": (0.02, 0.1, 0.2, 0.3, 0.4),
    "tn": (0.2, 0.5, 1.0, 1.5, 2.0), "cod": (15, 15, 20, 30, 40), "bod5": (3, 3, 4, 6, 10), "f": (1, 1, 1, 1.5, 1.5),
}  # fmt: skip
MOST = {
    "ph": 10,
    "do": 12,
    "codmn": 12,
    "nh3n": 2.5,
    "tp": 0.5,
    "tn": 5,
    "cod": 50,
    "bod5": 12,
    "f": 2,
    "water_temp": 30,
}
YEARS_4_HOURLY = 21_915


def main() -> int:
    """Run both sides in turn and show medians."""
    parser = argparse.ArgumentParser(prog="geo bench grade", description="Compare grading with a bare comparison.")
    parser.add_argument("--sections", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3, help="runs of each side, in turn; medians are shown")
    given = parser.parse_args()
    shape = (given.sections, YEARS_4_HOURLY)
    kinds = np.where(np.arange(given.sections) % 5 == 0, 2, 1).astype(np.int8)[:, None]
    report = {}
    cases = [
        (n, names, cubed)
        for n, names in (("stations", ITEMS), ("nine_with_limits", TABLE_ITEMS))
        for cubed in (True, False)
    ]
    for name_of_case, names, cubed in cases:
        case = f"{name_of_case}_{'cube' if cubed else 'arrays'}"
        values = draw(names, shape, cubed=cubed)
        deciding = [name for name in names if name in (FIVE if name_of_case == "stations" else TABLE_ITEMS)]
        graded_items = {name: array for name, array in values.items() if name in LIMITS or name == "ph"}
        sides = {
            "bare": lambda v=graded_items: bare(v),
            "none": lambda v=graded_items, d=deciding: grade_surface_water(v, kinds, items=d),
            "displayed": lambda v=graded_items, d=deciding: grade_surface_water(
                v, kinds, rounding="displayed", items=d
            ),
        }
        if "water_temp" in values:
            warm = graded_items | {"water_temp": values["water_temp"]}
            sides["none_with_saturation"] = lambda v=warm, d=deciding: grade_surface_water(
                v, kinds, items=[*d, "water_temp"]
            )
            sides["displayed_with_saturation"] = lambda v=warm, d=deciding: grade_surface_water(
                v, kinds, rounding="displayed", items=[*d, "water_temp"]
            )
        check(graded_items, deciding)
        seconds = {side: [] for side in sides}
        for _ in range(given.runs):
            for side, work in sides.items():
                begin = time.perf_counter()
                work()
                seconds[side].append(time.perf_counter() - begin)
        medians = {side: statistics.median(found) for side, found in seconds.items()}
        report[case] = {
            side: {"seconds": round(s, 3), "ratio": round(s / medians["bare"], 2)} for side, s in medians.items()
        }
        del values, graded_items, sides
    print(json.dumps(report, indent=1))
    return 0


def draw(names, shape, *, cubed):
    """Return each item's values, two in a hundred missing: views of one cube (section × time × item), or arrays apart."""
    rng = np.random.default_rng(20_260_815)
    cube = rng.random((*shape, len(names)))
    for i, name in enumerate(names):
        cube[..., i] *= MOST.get(name, 500)
        if name == "ph":
            cube[..., i] = 5.5 + cube[..., i] * 0.4
    cube[rng.random(cube.shape) < 0.02] = np.nan
    return {name: cube[..., i] if cubed else cube[..., i].copy() for i, name in enumerate(names)}


def check(values, deciding):
    """Stop unless both sides agree on rivers where nothing is missing."""
    some = {name: array[:2] for name, array in values.items() if name in deciding}
    whole = ~np.isnan(np.stack(list(some.values()))).any(axis=0)
    ours = grade_surface_water(some, "river", items=deciding).section_class
    if not np.array_equal(ours[whole], bare({k: v for k, v in some.items() if k != "tn"})[whole]):
        raise SystemExit("grade: the two sides disagree")


def bare(values):
    """Return the class of the worst item, as one writes it in numpy."""
    worst = None
    for name, array in values.items():
        if name == "ph":
            found = np.where((array < 6) | (array > 9), 6, 1).astype(np.uint8)
        else:
            found = np.ones(array.shape, dtype=np.uint8)
            for limit in LIMITS[name]:
                found += array < limit if name == "do" else array > limit
        worst = found if worst is None else np.maximum(worst, found)
    return worst


if __name__ == "__main__":
    raise SystemExit(main())
