"""The receipt of a package as PDF: what is given to whom, each file with its hash, and where both sides sign, date and seal."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from geosys.maps.paper.press import typeset_sheet
from geosys.maps.paper.sheet import Facts, Paragraph, Row, Sheet, Table
from geosys.publish.papers.checksums import find_files, sha256_of
from geosys.publish.papers.metadata import AUDIENCES
from geosys.publish.papers.signature import spaced
from geosys.publish.papers.words import told_layers

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.maps.paper.press import Press
    from geosys.maps.paper.sheet import Block
    from geosys.publish.papers.account import Account

FILE = "receipt.pdf"
_ROOM = "\n\n\n\n"  # for a signature or a seal


class Listed(NamedTuple):
    """Hold one line of the receipt: a file, or a geodatabase's folder with `number` files; `digest` is its hash."""

    name: str
    number: int
    size: int
    digest: str


def listed_files(folder: Path) -> list[Listed]:
    """Return the files of a package as the receipt lists them.

    A geodatabase is a folder of dozens of files: it stands as one line, whose hash is the SHA-256 of its lines in
    ``SHA256SUMS`` (``grep '  data/NAME.gdb/' SHA256SUMS | sha256sum``).
    """
    groups: dict[str, list[tuple[str, Path]]] = {}
    for name, path in find_files(folder).files.items():
        head, sep, _ = name.partition(".gdb/")
        groups.setdefault(f"{head}.gdb/" if sep else name, []).append((name, path))
    return [_listed(name, files) for name, files in groups.items()]


def _listed(name: str, files: list[tuple[str, Path]]) -> Listed:
    size = sum(path.stat().st_size for _, path in files)
    if not name.endswith("/"):
        return Listed(name, 1, size, sha256_of(files[0][1]))
    lines = "".join(f"{sha256_of(path)}  {part}\n" for part, path in files)
    return Listed(name, len(files), size, hashlib.sha256(lines.encode()).hexdigest())


def receipt(account: Account, files: list[Listed], press: Press, kind: str = "pdf") -> list[bytes]:
    """Return the receipt as PDF (or pictures of its pages, with ``png``)."""
    profile = account.profile
    facts = Facts([
        ("方案 Profile", profile.title.both()), ("成果包 Package", account.package),
        ("报送单位 Sender", profile.sender.both()), ("接收单位 Receiver", profile.receiver.both()),
        ("坐标系 CRS", account.crs), ("日期 Date", account.day.isoformat()),
        ("知悉范围 Audience", AUDIENCES[profile.audience].both()), ("签收要求 Receipt", profile.receipt.both()),
    ])  # fmt: skip
    layers = [
        (f"{t['title']['zh']} {t['title']['en']}", t["version"], f"{t['rows']:,}", f"{t['withheld']:,}",
         "—" if t["area_m2"] is None else f"{t['area_m2']:,.2f}")
        for t in told_layers(account)
    ]  # fmt: skip
    head = ("图层 Layer", "版本 Version", "条数 Rows", "扣留 Withheld", "椭球面积 Area m²")
    rows = [
        (f.name if f.number == 1 else f"{f.name} ({f.number} 个文件 files)", f"{f.size:,}", _grouped(f.digest))
        for f in files
    ]
    # Signatures stand before the files: their list may run over pages, the boxes must not.
    blocks: list[Block] = [
        facts, Table(head, layers, widths=(5, 2, 1.4, 1.6, 2.6), right=(2, 3, 4), title="图层 Layers"),
        Paragraph("密钥指纹 Key fingerprint (SHA-256)：" + (spaced(account.fingerprint) or "未签名 not signed"), is_strong=True),
        Row([[_box("报送单位 Sender", profile.sender.zh)], [_box("接收单位 Receiver", profile.receiver.zh)]]),
        Table(("文件 File", "字节 Bytes", "SHA-256"), rows, widths=(4, 1.5, 7), right=(1,), title="文件 Files"),
        Paragraph(
            "接收单位用 geosys verify 核对文件与签名，并与本单指纹比对。Check files and signature with 'geosys verify', and the "
            "fingerprint with this one. *.gdb/：该文件夹在 SHA256SUMS 中各行的 SHA-256 the SHA-256 of the folder's lines in SHA256SUMS.",
            is_small=True,
        ),
    ]  # fmt: skip
    sheet = Sheet(
        title="成果移交签收单 Receipt", subtitle=account.package, as_of=account.day, program=account.program, blocks=blocks, boxes=[],
        marks=[account.mark.both()] if account.mark else [],
    )  # fmt: skip
    made, _ = typeset_sheet(sheet, kind, press)
    return made


def _grouped(digest: str) -> str:
    """Return a hash in groups of 16 digits: a run of 64 would be set with signs in it that nobody sees and that copy along."""
    return " ".join(digest[i : i + 16] for i in range(0, len(digest), 16))


def _box(side: str, name: str) -> Table:
    return Table((f"{side}：{name}",), [[f"签字 Signature{_ROOM}"], ["日期 Date\n\n"], [f"盖章 Seal{_ROOM}{_ROOM}"]])
