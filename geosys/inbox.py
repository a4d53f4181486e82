"""The inbox: delivered files come in as they are, are kept by hash, and are entered in the plan."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from geosys._errors import SpecError, WorkspaceError
from geosys._faults import nearest
from geosys.content import hash_file, read_toml
from geosys.layers.delivery import KEYS
from geosys.layers.dictionary import END as DICTIONARY
from geosys.workspace import PLAN, quote, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geosys.layers.spec import Catalogue

ORIGINALS = "store/originals"


def add_deliveries(
    root: Path, files: Sequence[Path], layer: str, catalogue: Catalogue, settings: Mapping[str, Any] | None = None
) -> list[str]:
    """Copy delivered files into the inbox, keep them by hash, enter them in the plan, all or none; return their names.

    Parameters
    ----------
    settings
        More keys of the plan's entries (`table`, `sender`, `crs`, `read_as`, `columns` …); empty ones are left out.

    Raises
    ------
    WorkspaceError
        When a file is absent, or the inbox has another file of its name.
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
    plan = read_toml(root / PLAN)
    base = root / plan.get("inbox", ".")
    folder = base if "inbox" in plan else base / "inbox"
    _copy_in(files, folder)
    names = [(folder / file.name).relative_to(base).as_posix() for file in files]
    for file in files:
        _keep_original(root, folder / file.name)
    text = (root / PLAN).read_text(encoding="utf-8").rstrip("\n") + "\n"
    known = [(e.get("file"), e.get("layer"), e.get("table")) for e in plan.get("deliveries", [])]
    for name in names:
        if (name, layer, entry.get("table")) not in known:
            lines = [f"{key} = {_toml(value)}" for key, value in {"file": name, "layer": layer, **entry}.items()]
            text += "\n[[deliveries]]\n" + "\n".join(lines) + "\n"
    write_text(root / PLAN, text)
    return names


def _copy_in(files: Sequence[Path], folder: Path) -> None:
    """Copy deliveries into the inbox, all or none."""
    copies = [(part, folder / part.name) for file in files for part in _parts_of(file)]
    for part, target in copies:
        if target.exists() and hash_file(target) != hash_file(part):
            raise WorkspaceError(
                f"{target.name}: got another file of this name in the inbox, expected none. "
                "Rename the delivery; nothing was changed."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for part, target in copies:
        if not target.exists():
            (shutil.copytree if part.is_dir() else shutil.copy2)(part, target)


def _keep_original(root: Path, delivered: Path) -> None:
    """Keep a delivery under its hash, so that a later change in the inbox loses nothing; no second copy on disk."""
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
    if file.is_dir() or file.suffix.lower() != ".shp":
        return [file]
    stem = file.stem.casefold()
    beside = (f"{file.stem}{DICTIONARY}".casefold(), f"{file.stem}.shp.xml".casefold())
    return sorted(p for p in file.parent.iterdir() if p.stem.casefold() == stem or p.name.casefold() in beside)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quote(str(k))} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else quote(str(value))
