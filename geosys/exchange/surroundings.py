"""What an export needs besides the ledger: content as words, each case's county by its object, and where its files lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geosys.cases.ledger.standing import files_listed, subjects_of
from geosys.exchange.layout import Layout, Words, read_layout, words_of
from geosys.exchange.matching import Objects
from geosys.geo.crs import GEOGRAPHIC, to_crs
from geosys.layers.store import current_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path
    from typing import Any

    from geosys.cases.ledger.standing import Connection
    from geosys.cases.rules import RuleBook
    from geosys.layers.spec import Catalogue
    from geosys.maps.palettes import Palettes


def layout_and_words(
    catalogue: Catalogue, book: RuleBook, workflow: Mapping[str, Any], palettes: Palettes
) -> tuple[Layout, Words]:
    """Return the layout of the exchanged ledger and the words of its coded cells, from the content."""
    titles = {
        "rule": {name: rule.title.zh for name, rule in book.rules.items()},
        "seen": {name: swatch.title.zh for name, swatch in palettes.seen.items()},
    }
    words = words_of(workflow, catalogue.codes["office"], catalogue.codes, titles)
    return read_layout(catalogue.root, list(words.titles["state"]), list(catalogue.codes)), words


def counties_of(connection: Connection, store: Path, field: str) -> dict[str, str]:
    """Return the county code of each case, by what its object's layer says in a field; cases without one are left out."""
    cases = subjects_of(connection)
    found: dict[str, str] = {}
    for layer, of_layer in cases.groupby("subject_layer"):
        path = current_file(store, str(layer))
        if path is None:
            continue
        from pyarrow import parquet as pq  # noqa: PLC0415  heavy packages are loaded only where they are used

        if field not in pq.read_schema(path).names:
            continue
        table = pq.read_table(path, columns=["feature_id", field]).to_pandas()
        counties = dict(zip(table["feature_id"].astype(str), table[field], strict=True))
        for case_id, subject in zip(of_layer["case_id"], of_layer["subject_id"], strict=True):
            county = counties.get(str(subject))
            if county is not None and county == county:  # noqa: PLR0124  only a missing value differs from itself
                found[str(case_id)] = str(county)
    return found


def files_of_cases(connection: Connection, folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """Return the files of each case as (name, path), those that lie in the folder of evidence under their hash."""
    lying = (
        {path.name.partition(".")[0]: path for path in sorted(folder.rglob("*")) if path.is_file()}
        if folder.is_dir()
        else {}
    )
    found: dict[str, list[tuple[str, Path]]] = {}
    for case_id, name, digest in files_listed(connection):
        if digest in lying:
            found.setdefault(case_id, []).append((name, lying[digest]))
    return found


def objects_of(store: Path, catalogue: Catalogue, layers: Collection[str]) -> Objects:
    """Return the objects of the current versions of layers: code, name and geometry in the plan's CRS."""
    frames = []
    for layer in sorted(layers):
        path = current_file(store, layer)
        if path is None:
            continue
        import geopandas as gpd  # noqa: PLC0415

        name = catalogue.layers[layer].name
        frame = gpd.read_parquet(path, columns=["feature_id", *([name] if name else []), "geometry"])
        names = frame[name].astype(object).where(frame[name].notna(), "") if name else ""
        told = {
            "layer": layer,
            "feature_id": frame["feature_id"].astype(str),
            "name": names,
            "geometry": frame.geometry.to_numpy(),
        }
        frames.append(pd.DataFrame(told))
    columns = ["layer", "feature_id", "name", "geometry"]
    return Objects(pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns))


def placer(
    crs: str, region: tuple[float, float, float, float] | None
) -> Callable[[float, float], tuple[float, float] | None]:
    """Return what turns longitude and latitude (degrees, CGCS2000) into a metric CRS; None for what lies outside the region."""

    def place(longitude: float, latitude: float) -> tuple[float, float] | None:
        if region is not None and not (region[0] <= longitude <= region[2] and region[1] <= latitude <= region[3]):
            return None
        point = to_crs(np.array([shapely.Point(longitude, latitude)], dtype=object), GEOGRAPHIC, crs)[0]
        return float(point.x), float(point.y)

    return place
