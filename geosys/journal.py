"""The journal of a workspace: what each command found and left, so that the last one can be undone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from geosys._errors import WorkspaceError
from geosys.layers.store import CURRENT, write_json
from geosys.workspace import MAPPINGS, PLAN, read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "store/journal"


LOCK = "store/lock.sqlite"
PATIENCE_S = 600.0


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Hold a workspace for one command; a second one waits, and what a killed one held is free again at once.

    Raises
    ------
    WorkspaceError
        When another command holds it for longer than `PATIENCE_S` seconds.
    """
    (root / LOCK).parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(root / LOCK, timeout=PATIENCE_S, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise WorkspaceError(
                f"{root.name}: got a workspace another command works on ({error}), expected a free one. Wait for it to end."
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class State:
    """Hold what a command may change: the plan's text and which version of a layer is current (None: none)."""

    plan: str
    current: str | None
    memory: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one noted command: its number, its words, the layer, and the state before and after."""

    number: int
    command: str
    layer: str
    before: State
    after: State


def state_of(root: Path, layer: str) -> State:
    """Return the plan's text and a layer's current version as they are now."""
    pointer = root / "store" / layer / CURRENT
    current = pointer.read_text(encoding="utf-8") if pointer.exists() else None
    memory = {p.name: read_text(p) for p in sorted((root / MAPPINGS).glob("*.toml"))}
    return State(read_text(root / PLAN), current, memory)


def note_step(root: Path, command: str, layer: str, before: State) -> Step:
    """Write down a command that has just ended, with the state before it."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(path.stem) for path in folder.iterdir() if path.stem.isdigit()), default=0)
    step = Step(number, command, layer, before, state_of(root, layer))
    told = {
        "number": step.number, "command": command, "layer": layer,
        "before": astuple(before), "after": astuple(step.after),
    }  # fmt: skip
    write_json(folder / f"{step.number:06d}.json", told)
    return step


def read_steps(root: Path) -> list[Step]:
    """Return the noted commands that were not undone, the oldest first."""
    steps = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            before, after = State(*told["before"]), State(*told["after"])
            steps.append(Step(int(told["number"]), str(told["command"]), str(told["layer"]), before, after))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{FOLDER}/{path.name}: got a damaged note ({error}), expected JSON. Remove it to go on; it undoes nothing then."
            ) from None
    return steps


def undo_last(root: Path) -> Step:
    """Put plan and current version back to what they were before the last noted command; return its note.

    Files in the inbox and stored versions stay: nothing is lost, and the command can be given again.

    Raises
    ------
    WorkspaceError
        When there is nothing to undo, or plan or version were changed since by another hand.
    """
    steps = read_steps(root)
    if not steps:
        raise WorkspaceError("undo: got no command to undo, expected one noted by 'geosys add'. Nothing was changed.")
    step = steps[-1]
    now = state_of(root, step.layer)
    if now.plan != step.after.plan:
        raise WorkspaceError(
            f"undo: got a {PLAN} that was edited since '{step.command}', expected it as that command left it. "
            "Take the entry out by hand; nothing was changed."
        )
    write_text(root / PLAN, step.before.plan)
    pointer = root / "store" / step.layer / CURRENT
    if step.before.current is None:
        pointer.unlink(missing_ok=True)
    else:
        write_text(pointer, step.before.current)
    for name in step.after.memory.keys() | step.before.memory.keys():
        if name not in step.before.memory:
            (root / MAPPINGS / name).unlink(missing_ok=True)
        else:
            write_text(root / MAPPINGS / name, step.before.memory[name])
    path = root / FOLDER / f"{step.number:06d}.json"
    path.rename(path.with_suffix(".undone"))
    return step
