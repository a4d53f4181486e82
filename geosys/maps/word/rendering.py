"""Fill a template in Word with values; check first that it asks for what there is and holds what a report must show."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import jinja2
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml import parse_xml
from docxtpl import DocxTemplate
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from geosys._errors import SpecError
from geosys._faults import nearest
from geosys.maps.word.charts import PlacedChart, cleaned
from geosys.maps.word.fields import FIELDS
from geosys.maps.word.values import as_words, plain_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from geosys.maps.frames import Meta
    from geosys.maps.word.charts import Chart

_FIRST = (1980, 1, 1, 0, 0, 0)  # the day that archives know as their first
_TAGS = re.compile(r"<[^>]+>")
_ANCHOR, _NAME = (
    re.compile(f'w:{word}="((?:list|case|change|target|clause)_[0-9]+)"'.encode()) for word in ("anchor", "name")
)
_SHOWN = 60
CHARTS = "charts"
_MARKS = {
    "list": "{{ list.mark }}",
    "case": "{{ case.mark }}",
    "change": "{{ row.mark }} of details",
    "target": "{{ row.mark }} of target_lists",
    "clause": "{{ clause.mark }}",
}


def write_document(
    path: Path, template: Path, values: Mapping[str, Any], charts: Mapping[str, Chart], meta: Meta, *,
    needs: Sequence[str] = (), longest: int = 200, width_mm: int = 156,
) -> None:  # fmt: skip
    """Write a template filled with values; the file appears whole or not at all, its bytes depend on nothing else.

    Parameters
    ----------
    path, template
        The ``.docx`` to write, and the one to fill.
    values
        What each placeholder stands for: texts, numbers, `values.Figure`, rows of these. Texts are shown as they are.
    charts
        The charts, printed as ``{{ charts.NAME }}``.
    needs
        Placeholders that the template must hold, as ``day`` or ``n.overdue``.
    longest
        Letters of a text that are shown; the rest is cut and said to be.
    width_mm
        How wide charts are drawn.

    Raises
    ------
    SpecError
        When the template is no Word document, lacks a placeholder, has an unknown one, or breaks off in one.
    """
    filled = _opened(template)
    environment = SandboxedEnvironment(autoescape=True, undefined=jinja2.StrictUndefined)
    known = {*values, CHARTS}
    fields = {
        **FIELDS,
        **{key: set(value) for key, value in values.items() if isinstance(value, dict)},
        CHARTS: set(charts),
    }
    _check(template.name, _asked(filled, environment, template.name), known, needs, fields)
    placed = {
        name: PlacedChart(cleaned(chart), filled.docx, n, meta, width_mm)
        for n, (name, chart) in enumerate(charts.items(), 1)
    }
    try:
        filled.render(
            {**{k: as_words(v, longest) for k, v in values.items()}, CHARTS: placed}, environment, autoescape=True
        )
    except jinja2.UndefinedError as error:
        raise SpecError(_undefined(template.name, error)) from None
    except jinja2.TemplateError as error:
        raise SpecError(
            f"{template.name}: got a placeholder that cannot be filled ({error}), expected one of docs/reports.md."
        ) from None
    _describe(filled, meta)
    stream = io.BytesIO()
    filled.docx.save(stream)
    _check_links(template.name, filled.docx.part.blob)
    write_package(path, stream.getvalue())


class _Template(DocxTemplate):  # type: ignore[misc]  # docxtpl has no types
    """A template whose filled body is read anew: moving a long one between two trees takes lxml minutes."""

    def map_tree(self, tree: Any) -> None:
        """Put the filled body in the place of the template's."""
        root, told = self.docx.element, self.xml_to_string(tree)
        root.remove(root.body)
        whole = self.xml_to_string(root)
        begin, end = (
            (whole[:-2] + ">", "</w:document>")
            if whole.endswith("/>")
            else (whole.removesuffix("</w:document>"), "</w:document>")
        )
        element = parse_xml(begin + told + end)
        self.docx._element = self.docx._part._element = element  # noqa: SLF001  as docxtpl itself reaches for them


def _opened(template: Path) -> Any:
    """Return a template; one that would fetch something when it is opened is refused."""
    what = f"{template.name}: got a file that is no Word document (.docx), expected one. Make one with 'geosys report template'."
    try:
        filled = _Template(template)
        filled.init_docx()
        parts = list(filled.docx.part.package.parts)
    except (PackageNotFoundError, KeyError, ValueError, OSError, zipfile.BadZipFile, SyntaxError):
        raise SpecError(what) from None
    for part in parts:
        for relation in part.rels.values():
            if relation.is_external and relation.reltype != RELATIONSHIP_TYPE.HYPERLINK:
                raise SpecError(
                    f"{template.name}: got '{relation.target_ref}', which lies outside, expected everything inside. Insert it, do not link it."
                )
    return filled


def _asked(filled: Any, environment: SandboxedEnvironment, name: str) -> tuple[set[str], set[str]]:
    """Return the names a template asks for, and all its placeholders with dots, of the page and its header and footer."""
    sources = [filled.get_xml()]
    for kind in (filled.HEADER_URI, filled.FOOTER_URI):
        sources += [filled.get_part_xml(part) for _, part in filled.get_headers_footers(kind)]
    names: set[str] = set()
    dotted: set[str] = set()
    for source in sources:
        text = filled.patch_xml(source)
        try:
            parsed = environment.parse(text)
        except jinja2.TemplateSyntaxError as error:
            line = text.splitlines()[max(0, error.lineno - 1) :][:1]
            near = [m for m in re.findall(r"\{[{%][^{}]*", _TAGS.sub("", line[0] if line else "")) if m.strip()]
            raise SpecError(
                f"{name}: got a placeholder that is not closed or not spelled right "
                f"({error.message}; near {near[:3]}), expected {{{{ … }}}} or {{% … %}}."
            ) from None
        names |= find_undeclared_variables(parsed)
        dotted |= set(_dotted(parsed))
    return names, names | dotted


def _dotted(parsed: nodes.Template) -> Iterator[str]:
    """Yield the placeholders with a dot; a field of a loop's row under the name of its list, as ``overdue.case_id``."""
    rows: dict[str, set[str]] = {}
    for loop in parsed.find_all(nodes.For):
        source = loop.iter
        if isinstance(loop.target, nodes.Name) and isinstance(source, nodes.Name | nodes.Getattr):
            name = source.name if isinstance(source, nodes.Name) else source.attr
            rows.setdefault(loop.target.name, set()).add(name)
            inside = [
                node
                for part in (*loop.body, *([loop.test] if loop.test else []))
                for node in (part, *part.find_all(nodes.Getattr))
            ]
            for node in inside:
                if (
                    isinstance(node, nodes.Getattr)
                    and isinstance(node.node, nodes.Name)
                    and node.node.name == loop.target.name
                ):
                    yield f"{name}.{node.attr}"
    for node in parsed.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name not in rows:
            yield f"{node.node.name}.{node.attr}"


def _check(
    name: str,
    asked: tuple[set[str], set[str]],
    known: set[str],
    needs: Sequence[str],
    fields: Mapping[str, Collection[str]],
) -> None:
    names, placeholders = asked
    faults = []
    for word in sorted(names - known):
        hint = nearest(word, known) or f"Known: {', '.join(sorted(known))}."
        faults.append(f"{name}: got the placeholder {{{{ {word} }}}}, expected a known one. {hint}")
    for word in sorted(placeholders - names):
        owner, _, attribute = word.partition(".")
        if owner in fields and attribute not in fields[owner]:
            hint = nearest(attribute, fields[owner]) or f"Known: {', '.join(sorted(fields[owner]))}."
            faults.append(f"{name}: got the placeholder '{attribute}' of {owner}, expected a known one. {hint}")
    faults += [
        f"{name}: got no placeholder {{{{ {word} }}}}, expected one. Put it back "
        f"(see docs/reports.md), or take it out of `needs` in maps/reports.toml."
        for word in needs
        if word not in placeholders
    ]
    if faults:
        raise SpecError("\n".join(faults))


def _undefined(name: str, error: jinja2.UndefinedError) -> str:
    told = re.findall(r"'([^']*)'", str(error))
    near = [line.strip() for line in getattr(error, "docx_context", ()) if "{" in line]
    where = f" (near {near[0][:_SHOWN]!r})" if near else ""
    return f"{name}: got the placeholder '{told[-1] if told else error}'{where}, expected a known one. See docs/reports.md for all."


def _check_links(name: str, document: bytes) -> None:
    lost = set(_ANCHOR.findall(document)) - set(_NAME.findall(document))
    if lost:
        kinds = sorted({anchor.decode().partition("_")[0] for anchor in lost})
        asked = ", ".join(_MARKS[kind] for kind in kinds)
        raise SpecError(
            f"{name}: got {len(lost)} links to lists that are not there, expected "
            f"{asked} at each row of its list, behind the last figure. Put it back."
        )


def _describe(filled: Any, meta: Meta) -> None:
    """Set what the file says about itself; nothing of the machine or the person."""
    told, day = (
        filled.docx.core_properties,
        dt.datetime.combine(meta.as_of, dt.time(), tzinfo=dt.UTC).replace(tzinfo=None),
    )
    told.author = told.last_modified_by = plain_text(meta.program, 255)
    told.subject, told.comments, told.keywords = (
        plain_text(meta.title.zh, 255),
        plain_text(meta.mark.both() if meta.mark else "", 255),
        "",
    )
    told.created = told.modified = told.last_printed = day
    told.revision, told.language = 1, "zh-CN"


def write_package(path: Path, content: bytes) -> None:
    """Write an Office file with the dates of its entries fixed, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                fixed = zipfile.ZipInfo(entry.filename, _FIRST)
                fixed.compress_type, fixed.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
                new.writestr(fixed, old.read(entry))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
