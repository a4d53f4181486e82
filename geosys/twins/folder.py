"""Write the twin as a folder that appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys.content import hash_file
from geosys.layers.store import write_json, write_table
from geosys.maps.twin_page import withheld_page, write_withheld
from geosys.twins.withheld import table_of

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.twins.twin import Twin

MANIFEST, KIND = "manifest.json", "geosys twin"
MAP, PAGE, BOOK, CSV = "map.html", "withheld.html", "withheld.xlsx", "withheld.csv"


def write_twin(folder: Path, twin: Twin) -> list[Path]:
    """Write map, list of what is withheld (page, workbook, CSV: the same rows) and manifest; return their paths.

    Built beside and renamed at once. What stands there is replaced only where it is an older twin.

    Raises
    ------
    WorkspaceError
        When something else stands there, or it cannot be written; nothing is changed then.
    """
    if folder.exists() and not _is_twin(folder):
        raise WorkspaceError(f"--out {folder}: got a folder or file that is no twin, expected none. Name another.")
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f"{folder.name}.{os.getpid()}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        table = table_of(twin.withheld)
        (fresh / MAP).write_text(twin.page, encoding="utf-8", newline="\n")
        (fresh / PAGE).write_text(withheld_page(table, twin.spec, twin.meta), encoding="utf-8", newline="\n")
        write_withheld(fresh / BOOK, table, twin.meta)
        write_table(fresh / CSV, table)
        names = (MAP, PAGE, BOOK, CSV)
        write_json(fresh / MANIFEST, {
            "kind": KIND, "audience": twin.spec.audience, "as_of": twin.meta.as_of.isoformat(), "program": twin.meta.program,
            "files": {name: hash_file(fresh / name) for name in names},
        })  # fmt: skip
        if folder.exists():
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        raise WorkspaceError(f"--out {folder}: got {error.strerror}, expected a folder to write to.") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return [folder / name for name in (*names, MANIFEST)]


def _is_twin(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["kind"] == KIND)
    except (OSError, ValueError, KeyError, TypeError):
        return False
