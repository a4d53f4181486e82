"""What a case went through, and what there is of it to see: its history and copies of its photographs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from geosys._errors import WorkspaceError
from geosys._text import Text
from geosys.cases.ledger.database import read_ledger
from geosys.cases.ledger.events import MACHINE
from geosys.cases.ledger.evidence import read_files
from geosys.cases.ledger.evidence_store import EVIDENCE
from geosys.cases.ledger.evidence_terms import read_evidence_terms
from geosys.cases.ledger.outward import GIVEN, hand_out
from geosys.cases.workflow import all_states

if TYPE_CHECKING:
    import datetime as dt

    from geosys.packs.material import Material

PICTURES = {".png", ".jpg", ".jpeg"}
_MOST_MB = 4.0
_KINDS = {
    "found": Text("发现", "Found"), "seen": Text("核查", "Looked at again"), "changed": Text("线索变化", "Finding changed"),
    "move": Text("流转", "Moved"), "edit": Text("修改", "Edited"), "extend": Text("延期", "Extended"), "evidence": Text("提交材料", "Evidence"),
    "decision": Text("处理决定", "Decision"), "merge": Text("并入", "Merged"), "split": Text("拆分", "Split"), "import": Text("导入", "Imported"),
    "taken_over": Text("接管", "Taken over"),
}  # fmt: skip


def history_of(material: Material, case: str) -> list[tuple[dt.date, Text | str, str]]:
    """Return day, state and note of each thing that happened to a case, the first first."""
    states = {name: state.title for name, state in all_states(material.terms.workflow).items()}
    rows = material.events[material.events["case_id"] == case]
    told: list[tuple[dt.date, Text | str, str]] = []
    for row in rows.to_dict("records"):
        state = row["changes"].get("status", (None, None))[1]
        seen = row["changes"].get("seen", (None, None))[1]
        what = (
            states.get(state)
            or (material.names.seen.get(seen) if row["kind"] == "seen" else None)
            or _KINDS.get(row["kind"], row["kind"])
        )
        note = "，".join(
            filter(None, (row["reason"], row["evidence"], "" if row["actor"] == MACHINE else row["actor"]))
        )
        told.append((row["happened_on"], what, note))
    return told


def photos_of(material: Material, case: str) -> list[tuple[bytes, str]]:
    """Return copies of a case's photographs that hold nothing but pixels; what cannot be handed out is told."""
    if not material.spec.most_photos:
        return []
    with read_ledger(material.plan.ledger) as connection:
        files = read_files(connection, case)
    files = files[files["media_type"].str.startswith("image/")].head(material.spec.most_photos) if len(files) else files
    photos: list[tuple[bytes, str]] = []
    if files.empty:
        return photos
    terms = read_evidence_terms(material.content.catalogue.root)
    with tempfile.TemporaryDirectory(prefix="geosys-pack-") as name:
        for number, (_, row) in enumerate(files.iterrows(), 1):
            target = Path(name) / f"{number}"
            try:
                told = hand_out(row.to_frame().T, material.plan.root / EVIDENCE, target, case, terms)[0]
            except WorkspaceError as error:
                material.lack(
                    f"{case} 的照片 {number} 未放入：{error}", f"photograph {number} of {case} is left out: {error}"
                )
                continue
            path = target / told.copy if told.copy else None
            if (
                told.how == GIVEN
                and path is not None
                and path.suffix.lower() in PICTURES
                and path.stat().st_size <= _MOST_MB * 1e6
            ):
                photos.append((path.read_bytes(), f"{case}-{number:02d}（{row['attached_on']}）"))
            else:
                material.lack(f"{case} 的照片 {number} 未放入：不是可外发的图片，或超过 {_MOST_MB:g} MB。",
                              f"photograph {number} of {case} is left out: no picture to hand out, or over {_MOST_MB:g} MB.")  # fmt: skip
    return photos


def cell_words(value: Any) -> str:
    """Return a cell's text; nothing for a missing one."""
    return "" if value is None or (not isinstance(value, str) and pd.isna(value)) else str(value)
