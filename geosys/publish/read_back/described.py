"""Compare what a file says of a layer with its profile: CRS, names, types, titles and coded values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.publish.read_back.found import DATE, INTEGER, NOT_READ, NOTHING, NUMBER, TEXT, TRUTH, UNSAID
from geosys.publish.read_back.systems import same_crs
from geosys.publish.read_back.values import MISSING
from geosys.publish.read_back.words import check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from geosys.publish.content import Check, Field, ShapedLayer
    from geosys.publish.read_back.found import Found, FoundField

# How a format keeps each type of field where it is another: long whole numbers are doubles, truth a number or a text.
_EXACT: Mapping[str, set[str]] = {TEXT: {TEXT}, INTEGER: {INTEGER}, NUMBER: {NUMBER}, DATE: {DATE}, TRUTH: {TRUTH}}
KINDS: Mapping[str, Mapping[str, set[str]]] = {
    "gdb": {**_EXACT, INTEGER: {INTEGER, NUMBER}, TRUTH: {INTEGER}},
    "gpkg": _EXACT,
    "shp": {**_EXACT, NUMBER: {NUMBER, INTEGER}, TRUTH: {TEXT}},
    "txt": _EXACT,
    "xlsx": _EXACT,
}
_CODED = {"gdb": (TEXT, INTEGER, NUMBER), "gpkg": (TEXT, INTEGER, NUMBER, DATE, TRUTH)}
_MOST_SHOWN = 20
_MOST_LETTERS = 300


def compare_described(found: Found, layer: ShapedLayer, kind: str, where: str) -> Iterator[Check]:
    """Yield the checks of what a file says of a layer; arguments as `comparison.compare`."""
    yield check("whole", where, not found.faults, "; ".join(found.faults[:_MOST_SHOWN]), "")
    if found.crs != NOT_READ:
        got = found.crs or MISSING
        shown = got if len(got) <= _MOST_LETTERS else f"{got[:_MOST_LETTERS]}…"
        yield check("crs", where, same_crs(found.crs, layer.frame.crs), shown, layer.frame.crs.to_string())
    if found.title is not None:
        wanted = layer.layer.title.zh
        is_same = found.title in (
            wanted,
            f"{wanted} {layer.layer.name}",
        )  # two layers of one title have their names behind it
        yield check("title", where, is_same, found.title, wanted)
    fields = {f.name: f for f in layer.layer.fields}
    names = [f.name for f in found.fields if found.keeps_order or f.name in fields]
    yield check("fields", where, names == list(fields), "、".join(names), "、".join(fields))
    known = [(one, fields[one.name]) for one in found.fields if one.name in fields]
    yield from _types(known, found, layer, kind, where)
    yield from _titles(known, where)
    yield from _codes(known, kind, where)


_Known = list[tuple["FoundField", "Field"]]


def _types(known: _Known, found: Found, layer: ShapedLayer, kind: str, where: str) -> Iterator[Check]:
    wrong = [(one, KINDS[kind][want.type]) for one, want in known if one.kind not in (UNSAID, *KINDS[kind][want.type])]
    for one, allowed in wrong:
        yield check("types", f"{where} · {one.name}", False, one.kind, " / ".join(sorted(allowed)))
    shape = layer.layer.geometry if kind != "xlsx" else NOTHING
    is_shape = found.shape in ("", shape)
    if not is_shape:
        yield check("types", where, False, found.shape, shape)
    elif not wrong:
        yield check("types", where, True, found.shape, shape)


def _titles(known: _Known, where: str) -> Iterator[Check]:
    titled = [(one, want) for one, want in known if one.title is not None]
    wrong = [(one, want) for one, want in titled if one.title != want.title.zh]
    for one, want in wrong:
        yield check("titles", f"{where} · {one.name}", False, one.title or MISSING, want.title.zh)
    if titled and not wrong:
        yield check("titles", where, True, f"{len(titled)}", f"{len(titled)}")


def _codes(known: _Known, kind: str, where: str) -> Iterator[Check]:
    coded = [(one, want) for one, want in known if one.codes is not None]
    faults = 0
    for one, want in coded:
        titles = {code: title.zh for code, title in want.codes.items()} if want.type in _CODED.get(kind, ()) else {}
        expected = {_code(code, want): title for code, title in titles.items()}
        got = {_code(code, want): title for code, title in (one.codes or {}).items()}
        if got != expected:
            faults += 1
            yield check("codes", f"{where} · {one.name}", False, _unlike(got, expected), _unlike(expected, got))
    if coded and not faults:
        count = sum(bool(one.codes) for one, _ in coded)
        yield check("codes", where, True, f"{count}", f"{count}")


def _code(code: str, want: Field) -> str:
    """Return a code as its field has it: that of a number may be written with a point."""
    try:
        return repr(float(code)) if want.type in (INTEGER, NUMBER) else code
    except ValueError:
        return code


def _unlike(codes: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return the codes that the other side lacks or has otherwise."""
    parts = [f"{code}={title}" for code, title in codes.items() if other.get(code) != title]
    return "、".join(parts[:_MOST_SHOWN]) or ("—" if codes else MISSING)
