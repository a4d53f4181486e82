"""The inbox: delivered files come in as they are, are kept by hash, and are entered in the plan."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError, WorkspaceError
from geosys._faults import nearest
from geosys.content import files_of, hash_file, parse_toml
from geosys.layers.delivery import KEYS
from geosys.workspace import PLAN, quote, read_text, read_workspace, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.layers.spec import Catalogue

ORIGINALS = "store/originals"


def add_deliveries(
    root: Path,
    files: Sequence[Path],
    layer: str,
    catalogue: Catalogue,
    settings: Mapping[str, Any] | None = None,
    replaces: str | None = None,
) -> list[str]:
    """Copy delivered files into the inbox, keep them by hash, enter them in the plan, all or none; return their names.

    Parameters
    ----------
    settings
        More keys of the plan's entries (`table`, `sender`, `crs`, `read_as`, `columns` …); empty ones are left out.
    replaces
        The earlier delivery of the layer, as the plan names it, that these files take the place of: its entry leaves the
        plan, its file stays.

    Raises
    ------
    WorkspaceError
        When a file is absent, the inbox has another file of its name, or the plan has no such delivery to replace.
    SpecError
        When the layer or a key is unknown.
    """
    if layer not in catalogue.layers:
        hint = nearest(layer, catalogue.layers) or f"Known: {', '.join(catalogue.layers)}."
        raise SpecError(f"add --layer: got '{layer}', expected a layer of layers/. {hint}")
    entry = {key: value for key, value in (settings or {}).items() if value not in (None, "", {})}
    for key in entry:
        if key not in KEYS:
            raise SpecError(
                f"add: got the key '{key}', expected one of: {', '.join(KEYS)}. {nearest(key, KEYS)}".rstrip()
            )
    files = list(dict.fromkeys(file.resolve() for file in files))  # "." and ".." have no name of their own
    _check_files(root, files)
    text = read_text(root / PLAN)
    plan = parse_toml(text, PLAN)
    base = root / plan.get("inbox", ".")
    folder = base if "inbox" in plan else base / "inbox"
    names = [(folder / file.name).relative_to(base).as_posix() for file in files]
    if replaces is not None:
        text = _left_out(text, replaces, layer)
    for name in names:
        text = _entered(text, {"file": name, "layer": layer, **entry})
    read_workspace(root, catalogue, text)  # a plan at fault is told before anything is changed
    _copy_in(files, folder)
    for file in files:
        _keep_original(root, folder / file.name)
    write_text(root / PLAN, text)
    return names


def _check_files(root: Path, files: Sequence[Path]) -> None:
    """Refuse what cannot come in: two files of one name, a folder the workspace lies in or is, a name nobody can write."""
    twice = [name for name, count in Counter(file.name.casefold() for file in files).items() if count > 1]
    if twice:
        raise WorkspaceError(
            f"add: got several files called {', '.join(twice)}, expected each name once. Rename one; nothing was changed."
        )
    for file in files:
        inside = file.is_dir() and (
            file in (root, *root.parents) or file in (root / "inbox", root / "store") or root / "store" in file.parents
        )
        if inside:
            raise WorkspaceError(
                f"{file.name}: got a folder of the workspace itself, expected a delivery. Nothing was changed."
            )
        try:
            file.name.encode("utf-8")
        except UnicodeEncodeError:
            shown = file.name.encode("utf-8", "surrogateescape").decode("gb18030", "replace")
            raise WorkspaceError(
                f"{shown}: got a file name that is not UTF-8, expected one that is. Rename the file; nothing was changed."
            ) from None


def _entered(text: str, entry: Mapping[str, Any]) -> str:
    """Return a plan with a delivery entered: what is new to a known entry is added to it, what contradicts it is refused."""
    known = parse_toml(text, PLAN).get("deliveries", [])
    same = [k for k, e in enumerate(known) if (e.get("file"), e.get("layer")) == (entry["file"], entry["layer"])]
    at = next((k for k in same if known[k].get("table") == entry.get("table")), None)
    if at is None and "table" in entry:  # the entry that named none of several tables could not be read
        at = next((k for k in same if "table" not in known[k]), None)
    if at is None:
        lines = [f"{key} = {_toml(value)}" for key, value in entry.items()]
        return text.rstrip("\r\n") + "\n\n[[deliveries]]\n" + "\n".join(lines) + "\n"
    other = [key for key, value in entry.items() if known[at].get(key, value) != value]
    if other:
        raise WorkspaceError(
            f"{entry['file']}: got another {', '.join(other)} than {PLAN} has, expected the same. "
            f"Edit the entry in {PLAN} or undo the first 'geosys add'; nothing was changed."
        )
    heads = [m.end() for m in re.finditer(r"(?m)^[ \t]*\[\[[ \t]*deliveries[ \t]*\]\][ \t]*(#.*)?$", text)]
    lines = [f"{key} = {_toml(value)}" for key, value in entry.items() if key not in known[at]]
    if not lines:
        return text
    made = text[: heads[at]] + "\n" + "\n".join(lines) + text[heads[at] :] if len(heads) == len(known) else text
    wanted = [*known[:at], {**known[at], **entry}, *known[at + 1 :]]
    if parse_toml(made, PLAN).get("deliveries") != wanted:
        raise WorkspaceError(
            f"{PLAN}: got entries that only a person can edit, expected [[deliveries]]. Add {'; '.join(lines)} by hand."
        )
    return made


def _left_out(text: str, name: str, layer: str) -> str:
    """Return a plan without the entries of one delivery of a layer."""
    known = parse_toml(text, PLAN).get("deliveries", [])
    gone = [
        e for e in known if e.get("layer") == layer and name in (e.get("file"), str(e.get("file")).rpartition("/")[2])
    ]
    blocks = re.split(r"(?m)^(?=[ \t]*\[\[[ \t]*deliveries[ \t]*\]\])", text)
    kept = [blocks[0], *(b for b in blocks[1:] if parse_toml(b, PLAN)["deliveries"][0] not in gone)]
    made = "".join(kept)
    if not gone or parse_toml(made, PLAN).get("deliveries", []) != [e for e in known if e not in gone]:
        files = "、".join(str(e.get("file")) for e in known if e.get("layer") == layer) or "none"
        raise WorkspaceError(
            f"--replaces: got '{name}', expected an earlier delivery of {layer} in its own [[deliveries]]: {files}. Nothing was changed."
        )
    return made


def _copy_in(files: Sequence[Path], folder: Path) -> None:
    """Copy deliveries into the inbox, all or none."""
    copies = [(part, folder / part.name) for file in files for part in _parts_of(file)]
    for part, target in copies:
        if target.exists() and hash_file(target) != hash_file(part):
            raise WorkspaceError(
                f"{target.name}: got another file of this name in the inbox, expected none. "
                "Rename the delivery (and name the earlier one with --replaces where it takes its place); nothing was changed."
            )
    folder.mkdir(parents=True, exist_ok=True)
    halves = [
        (part, target, target.with_name(f".{target.name}.{os.getpid()}.part"))
        for part, target in copies
        if not target.exists()
    ]
    try:
        for part, _, half in halves:
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, half)
        for _, target, half in halves:
            half.rename(target)
    finally:
        for _, _, half in halves:
            shutil.rmtree(half) if half.is_dir() else half.unlink(missing_ok=True)


def _keep_original(root: Path, delivered: Path) -> None:
    """Keep a delivery under its hash, so that a later change in the inbox loses nothing."""
    folder = root / ORIGINALS / hash_file(delivered)
    if folder.exists():
        return
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in _parts_of(delivered):
        if file.is_dir():
            shutil.copytree(file, part / file.name)
        else:
            shutil.copy2(file, part / file.name)
    part.rename(folder)


def _parts_of(file: Path) -> list[Path]:
    """Return the files to copy for one delivery: itself, or a shapefile with all that belongs to it."""
    if not file.exists():
        raise WorkspaceError(f"{file}: got no file, expected a delivery. Mend the name; nothing was changed.")
    return [file] if file.is_dir() else files_of(file)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quote(str(k))} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else quote(str(value))
