"""Column mappings a person decides: proposals by likeness, a mapping file, and what was decided before, by sender."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError
from geosys._faults import Faults, nearest
from geosys.content import read_toml
from geosys.layers.codes import fold
from geosys.layers.headers import JOINT, strip_unit
from geosys.layers.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from geosys.layers.naming import Naming
    from geosys.layers.reading import Reading
    from geosys.layers.spec import LayerSpec

LEAST_SCORE = 0.6
CONTAINED_SCORE = 0.75  # of a known name that stands whole within a header: 排污口名称 within 排污口名称及位置
LEAST_CONTAINED = 2
MOST_PROPOSALS = 3  # a column
_SAFE = re.compile(r"[0-9a-z_\-\u4e00-\u9fff]{1,40}")
_RESERVED = re.compile(
    r"con|prn|aux|nul|com\d|lpt\d"
)  # Source: Microsoft, naming files; no Windows file may be called so

Mappings = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Hold one guess for a person to judge: this column may be that field, why, and how alike they are (0 to 1)."""

    column: str
    field: str
    why: str
    score: float


def propose(reading: Reading, spec: LayerSpec, naming: Naming) -> list[Proposal]:
    """Return for each column without a field the fields without a column that it may be, the likeliest first.

    Nothing is applied: likeness is no proof.
    """
    used = {*naming.columns.values(), *naming.x, *naming.y}
    open_fields = [f for f in spec.fields.values() if f.id not in naming.columns]
    found: list[Proposal] = []
    for column, cells in reading.columns.items():
        if column in used or all(plain(cell) is None for cell in cells[:1000]):
            continue
        here = [
            max(
                (_likeness(column, name, f.id) for name in (f.title.zh, f.title.en, f.id, *f.aliases)),
                key=lambda proposal: proposal.score,
            )
            for f in open_fields
        ]
        good = sorted((p for p in here if p.score >= LEAST_SCORE), key=lambda p: (-p.score, p.field))
        found += good[:MOST_PROPOSALS]
    return found


def _likeness(column: str, name: str, field: str) -> Proposal:
    """Return how alike a column's name and one name of a field are, the better of containment and edit likeness."""
    best = Proposal(column, field, "", 0.0)
    *_, last = column.split(JOINT)
    for text in dict.fromkeys((strip_unit(column)[0].replace(JOINT, ""), strip_unit(last)[0])):
        one, two = fold(text), fold(name)
        if not one or not two:
            continue
        short, long = sorted((one, two), key=len)
        if len(short) >= LEAST_CONTAINED and short in long:
            score = round(CONTAINED_SCORE + (1 - CONTAINED_SCORE) * len(short) / len(long), 3)
            why = f"“{text}”与“{name}”一个包含另一个"
        else:
            score, why = round(SequenceMatcher(None, one, two, autojunk=False).ratio(), 3), f"“{text}”与“{name}”相近"
        if score > best.score:
            best = Proposal(column, field, why, score)
    return best


def read_mapping_file(path: Path, spec: LayerSpec) -> dict[str, str]:
    """Return the columns of a mapping file: ``[columns]`` with ``"表头" = "field"``.

    Raises
    ------
    SpecError
        With every fault: a file that is no TOML, another key, a field the layer does not have.
    """
    table, faults = read_toml(path), Faults()
    faults.keys(path.name, table, ("columns",), ("columns",))
    columns = table.get("columns", {})
    if faults.expect(f"{path.name} [columns]", columns, "a table of texts"):
        for column, name in columns.items():
            if name not in spec.fields:
                hint = nearest(name, spec.fields) or f"Fields: {', '.join(spec.fields)}."
                faults.add(f"{path.name} [columns] {column}", name, f"a field of the layer {spec.id}", hint)
    faults.raise_if_any()
    return dict(columns)


def mapping_path(folder: Path, sender: str) -> Path:
    """Return the file of a sender: his name where that is a safe file name, else what is safe of it and a hash.

    Examples
    --------
    >>> from pathlib import Path
    >>> mapping_path(Path("m"), "城关镇政府").name, mapping_path(Path("m"), "../../etc").name
    ('城关镇政府.toml', 'etc-74ccf3c5.toml')
    """
    name = _sender(sender)
    if _SAFE.fullmatch(name) and not _RESERVED.fullmatch(name):
        return folder / f"{name}.toml"
    safe = "".join(_SAFE.findall(name.lower()))[:30].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return folder / f"{safe or 'sender'}-{digest}.toml"


def _sender(sender: str) -> str:
    """Return a sender's name in one spelling: composed letters, no blanks at its ends, no surrogate halves."""
    return unicodedata.normalize("NFC", sender).strip().encode("utf-8", "replace").decode("utf-8")


def read_mappings(folder: Path) -> Mappings:
    """Return what is remembered: by sender, by layer, column → field; nothing where there is no such folder.

    Raises
    ------
    SpecError
        With every fault of every file.
    """
    found: Mappings = {}
    faults = Faults()
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            sender, layers = _read(path, faults)
        except SpecError as error:
            faults.rows.append(str(error))
            continue
        if sender in found:
            faults.add(path.name, sender, "a sender of one file only", "Join the two files.")
        found[sender] = layers
    faults.raise_if_any()
    return found


def remembered(mappings: Mappings, sender: str, layer: str) -> dict[str, str]:
    """Return the columns remembered of a sender for one layer."""
    return dict(mappings.get(_sender(sender), {}).get(layer, {}))


def _read(path: Path, faults: Faults) -> tuple[str, dict[str, dict[str, str]]]:
    table = read_toml(path)
    faults.keys(path.name, table, ("sender", "layers"), ("sender", "layers"))
    sender = table.get("sender", "")
    faults.expect(f"{path.name} sender", sender, "a text")
    layers = table.get("layers", {})
    if not faults.expect(f"{path.name} [layers]", layers, "a table of tables"):
        return str(sender), {}
    return str(sender), {
        layer: dict(columns)
        for layer, columns in layers.items()
        if faults.expect(f"{path.name} [layers.{layer}]", columns, "a table of texts")
    }


def remember(folder: Path, sender: str, layer: str, columns: Mapping[str, str]) -> Path:
    """Add a sender's columns for one layer to what is remembered of him, the file whole or not at all.

    A column answered before is answered anew; the others stay.

    Raises
    ------
    SpecError
        When the sender has no name, or his file is damaged or another sender's.
    """
    name = _sender(sender)
    if not name:
        raise SpecError("mappings: got no sender, expected whose columns these are. Name him with 'sender'.")
    path = mapping_path(folder, name)
    layers: dict[str, dict[str, str]] = {}
    if path.exists():
        faults = Faults()
        owner, layers = _read(path, faults)
        if owner != name:
            faults.add(path.name, owner, f"the sender '{name}'", "Rename that file or delete it.")
        faults.raise_if_any()
    layers[layer] = {**layers.get(layer, {}), **columns}
    text = "\n".join(_lines(name, layers)) + "\n"
    tomllib.loads(text)
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
    return path


def _lines(sender: str, layers: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"sender = {_quote(sender)}"
    for layer, columns in sorted(layers.items()):
        yield f"\n[layers.{_quote(layer)}]"
        yield from (f"{_quote(column)} = {_quote(name)}" for column, name in sorted(columns.items()))


def _quote(text: Any) -> str:
    """Return a TOML basic string."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
