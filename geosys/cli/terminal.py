"""What the command line shows: a bar with the time left, tables, or JSON for machines. The one door to rich."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAGES = {
    "sample": "绘制样例县 Drawing the sample county",
    "answers": "编写修改清单 Writing answers",
    "inspect": "查看报送文件 Inspecting deliveries",
    "deliveries": "接收与检查 Taking deliveries in",
    "plots": "编写一地一档 Writing plot sheets",
    "pack_layers": "读取图层与台账 Reading layers and ledger",
    "pack_sheets": "制图 Making sheets",
    "pack_items": "汇集议题 Collecting the agenda",
    "pack_files": "写出材料 Writing the files",
    "sheets": "制图 Making sheets",
    "tiles": "生成瓦片 Writing tiles",
    "rasters": "栅格赋值 Attaching rasters",
    "watch": "用地监管 Watching land use",
    "rivers": "构建河网 Building the river network",
    "rules": "规则判定 Judging rules",
    "ledger": "面积台账 Accounting for areas",
    "overlay": "叠加 Laying layers over each other",
    "shaping": "整理图层 Shaping layers",
    "disclosure": "核对密级 Judging disclosure",
    "checks": "检查 Checking",
    "files": "写文件 Writing files",
    "styles": "写样式 Writing styles",
    "read_back": "读回核对 Reading back",
    "papers": "编写文书 Writing papers",
    "seal": "签名 Signing",
    "finish": "登记 Registering",
    "postgis": "发布到数据库 Loading into PostGIS",
    "sources": "准备数据 Preparing the data",
    "outputs": "生成成果 Writing outputs",
}


@contextmanager
def show_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar with the time left on standard error; plain lines where it is no terminal."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            title = STAGES.get(stage, stage)
            if stage not in tasks:
                tasks[stage] = bars.add_task(title, total=total)
                if not console.is_terminal:
                    typer.echo(f"{title} …", err=True)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def print_content(content: Any, *, as_json: bool, text: str = "") -> None:
    """Print content as JSON, or the text that says the same to people."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=1, default=str) if as_json else text)


def print_table(title: str, frame: pd.DataFrame, columns: dict[str, str]) -> None:
    """Print some columns of a frame as a table with the given headings."""
    table = Table(title=title, show_lines=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in frame[list(columns)].itertuples(index=False):
        table.add_row(*("" if pd.isna(v) else str(v) for v in row))
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)


def print_rows(title: str, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        print_content(rows, as_json=True)
    else:
        frame = pd.DataFrame(rows)
        print_table(title, frame, {c: c for c in frame.columns})
