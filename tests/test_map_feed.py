"""What the ledger and the samples give the map: histories, next steps, photographs, months; by hand and against replays."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import cases_toy as toy
import maps_toy
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_evidence import attach, away, jpeg
from test_evidence import made as made_county
from test_map_browser import ARGUMENTS, CHROMIUM, MAPS, Visit
from test_moves import found
from test_section_results import CATALOGUE, SAMPLE, SPEC, layer, results, samples, sections

from geosys._text import Text
from geosys.cases.ledger.database import open_ledger, read_ledger
from geosys.cases.ledger.due_events import due_decisions
from geosys.cases.ledger.events import Event, append_all, read_cases, read_events
from geosys.cases.ledger.evidence_store import original, small_picture
from geosys.cases.ledger.merging import merge_cases, split_case
from geosys.cases.ledger.pictures import metadata_left
from geosys.cases.ledger.summing import replayed
from geosys.cases.plot_life import PlotList
from geosys.cases.todo import Terms, agenda
from geosys.cases.workflow import read_workflow
from geosys.map_feed.feed import COLUMNS, feed_of
from geosys.map_feed.months import plot_months, section_months, with_months
from geosys.map_feed.next_steps import next_steps
from geosys.map_feed.notes import Words
from geosys.map_feed.photos import photos_of
from geosys.map_feed.steps import histories
from geosys.maps.finding_data import pack_findings
from geosys.maps.page import build_page
from geosys.maps.spec import load_map
from geosys.rooms import read_content
from geosys.sections.results import with_results
from geosys.views import map_layer_of, offices_of

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = read_content()
WORKFLOW = read_workflow(ROOT)
OFFICES = offices_of(CONTENT.catalogue)
WORDS = Words.of(WORKFLOW, OFFICES)
DAY = dt.date


def day(month: int, of_month: int) -> dt.date:
    return DAY(2026, month, of_month)


def told(where: Path | str, *events: Event) -> pd.DataFrame:
    with open_ledger(where) as connection:
        append_all(connection, list(events))
        return read_events(connection)


def first(case: str = "A", **fields: Any) -> Event:
    event = found(case, rule="outfall_near_section", subject_layer="outfall", **fields)
    return Event(case, "found", day(6, 1), event.actor, event.changes, reason="一句话")


def step(case: str, kind: str, on: dt.date, changes: dict[str, Any], **more: Any) -> Event:
    return Event(case, kind, on, more.pop("actor", "张三"), changes, **more)


# --- history ---


def test_the_history_of_a_case_by_hand(tmp_path: Path) -> None:
    due, later = day(7, 31), day(8, 20)
    events = told(
        tmp_path / "c.sqlite",
        first(found_on=day(6, 1), due_on=day(7, 1)),
        step("A", "move", day(6, 5), {"status": ("found", "assigned"), "assigned_lead": (None, "water"), "assigned_due_on": (None, due)}, move="assign"),
        step("A", "edit", day(6, 8), {"assigned_lead": ("water", "ecology"), "person": (None, "王五")}, reason="转办"),
        step("A", "seen", day(6, 9), {"seen": ("present", "no_longer_found")}, actor="geosys", reason="规则改变"),
        step("A", "move", day(6, 10), {"status": ("assigned", "rectifying"), "measures": (None, "截污")}, move="begin"),
        step("A", "extend", day(7, 20), {"assigned_due_on": (due, later)}, reason="汛期", second_person="李四"),
        step("A", "evidence", day(8, 1), {}, evidence="报告.pdf", reason="拍摄位置距事项对象 6.0 km", source={"remarks": [{}, {}]}),
        step("A", "move", day(8, 9), {"status": ("rectifying", "accepted")}, move="accept", evidence="验收单", second_person="李四"),
    )  # fmt: skip
    steps = histories(events, {"f1": "A", "f2": "A"}, WORDS)
    assert steps["f1"] == steps["f2"]
    assert [(on, state, note.zh) for on, state, note in steps["f1"]] == [
        (day(6, 1), "found", ""),
        (day(6, 5), "assigned", "交办给牵头单位；牵头 水利局；时限 2026-07-31；经办 张三"),
        (day(6, 8), "assigned", "更新；牵头 生态环境局；责任人 王五；经办 张三；理由：转办"),
        (day(6, 9), "assigned", "本次不再发现；规则改变"),
        (day(6, 10), "rectifying", "开始整改；整改措施 截污；经办 张三"),
        (day(7, 20), "rectifying", "延期；时限 2026-08-20（原 2026-07-31）；经办 张三；复核 李四；理由：汛期"),
        (day(8, 1), "rectifying", "证据：报告.pdf；经办 张三；台账有 2 处提示"),
        (day(8, 9), "accepted", "通过验收；经办 张三；复核 李四；证据：验收单"),
    ]
    english = [note.en for _, _, note in steps["f1"]]
    assert english[5] == "Extended; due 2026-08-20 (was 2026-07-31); by 张三; confirmed by 李四; reason: 汛期"
    assert english[6] == "evidence: 报告.pdf; by 张三; 2 remarks in the ledger"


def test_a_state_of_the_content_alone_and_one_that_it_lost(tmp_path: Path) -> None:
    workflow = copy.deepcopy(WORKFLOW)
    workflow["states"]["paused"] = {"title": {"zh": "停工", "en": "Paused"}, "acts": "lead", "shown_as": "rectifying"}
    words = Words.of(workflow, OFFICES)
    events = told(
        tmp_path / "c.sqlite",
        first(),
        step("A", "move", day(6, 2), {"status": ("found", "paused")}, move="pause"),
        step("A", "move", day(6, 3), {"status": ("paused", "gone")}, move="x"),
    )
    steps = [(state, note.zh) for _, state, note in histories(events, {"f": "A"}, words)["f"]]
    assert steps == [
        ("found", ""), ("rectifying", "pause；状态：停工；经办 张三"), ("found", "x；状态 gone 已不在内容中；经办 张三"),
    ]  # fmt: skip
    rows = maps_toy.findings()
    packed = pack_findings(rows.assign(history=[histories(events, {"f": "A"}, words)["f"], None, None, None]))
    assert packed["columns"]["history"]["list"][0][1] == [
        "2026-06-02",
        "rectifying",
        ["pause；状态：停工；经办 张三", "pause; state: Paused; by 张三"],
    ]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from(["assigned", "rectifying", "closed", "reopened"])),
        max_size=12,
    )
)
def test_on_every_evening_the_state_is_that_of_the_replay(rows: list[tuple[int, bool, str]]) -> None:
    """Days go forward on each side, but machines may look at a day that people have passed, and the other way round."""
    events, sides, was = [], {True: 3, False: 0}, "found"
    values = {"case_id": "A", "reason": "", "evidence": "", "second_person": "", "source": {}, "move": ""}
    begun = {"status": (None, "found"), "rule": (None, "r"), "subject_layer": (None, "s")}
    events.append(values | {"kind": "found", "happened_on": day(6, 4), "actor": "geosys", "changes": begun})
    for jump, is_machine, state in rows:
        sides[is_machine] = max(sides[is_machine], jump)
        on = day(6, 1) + dt.timedelta(days=sides[is_machine])
        changes = {"seen": (None, "present")} if is_machine else {"status": (was, state)}
        was = was if is_machine else state
        events.append(
            values
            | {
                "kind": "seen" if is_machine else "move",
                "happened_on": on,
                "actor": "geosys" if is_machine else "张三",
                "changes": changes,
            }
        )
    frame = pd.DataFrame([event | {"sequence": number} for number, event in enumerate(events, 1)])
    steps = histories(frame, {"f": "A"}, WORDS)["f"]
    assert [on for on, _, _ in steps] == sorted(event["happened_on"] for event in events)
    for number in range(12):
        evening = day(6, 1) + dt.timedelta(days=number)
        before = [state for on, state, _ in steps if on <= evening]
        cases = replayed(frame, evening)
        assert (before[-1] if before else None) == (cases["status"].iloc[0] if len(cases) else None)


def test_a_finding_keeps_the_history_of_the_case_it_was_in(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "c.sqlite") as connection:
        cases = toy.run(connection, toy.book(), toy.layers({"A": "POINT (0 0)", "B": "POINT (10 0)"}), day(6, 1))
        (one, a), (two, b) = sorted(zip(cases["finding_id"], cases["case_id"], strict=True))
        append_all(connection, [step(a, "move", day(6, 2), {"status": ("found", "assigned")}, move="assign")])
        append_all(connection, [step(b, "move", day(6, 3), {"status": ("found", "dismissed")}, move="dismiss")])
        append_all(connection, [step(b, "move", day(6, 4), {"status": ("dismissed", "found")}, move="restore")])
        merge_cases(connection, a, [b], actor="张三", reason="同一处", today=day(6, 10))
        merged = histories(read_events(connection), {one: a, two: a}, WORDS)
        append_all(connection, [step(a, "move", day(6, 12), {"status": ("assigned", "rectifying")}, move="begin")])
        again = split_case(connection, a, [two], actor="张三", reason="分开办", today=day(6, 20))
        parted = histories(read_events(connection), {one: a, two: again}, WORDS)
        merged_cases = set(read_cases(connection)["case_id"])
    assert again == b
    assert merged_cases == {a, b}
    plain = {name: [(on.day, state) for on, state, _ in row] for name, row in merged.items()}
    assert plain[one] == [(1, "found"), (2, "assigned"), (10, "assigned")]
    assert plain[two] == [(1, "found"), (3, "dismissed"), (4, "found"), (10, "found"), (10, "assigned")]
    plain = {name: [(on.day, state) for on, state, _ in row] for name, row in parted.items()}
    assert plain[one] == [(1, "found"), (2, "assigned"), (10, "assigned"), (12, "rectifying"), (20, "rectifying")]
    assert plain[two][4:] == [(10, "assigned"), (12, "rectifying"), (20, "rectifying"), (20, "rectifying")]
    assert merged[two][3][2].zh == f"合并；并入 {a}；经办 张三；理由：同一处"


def test_long_notes_are_cut_and_lines_joined(tmp_path: Path) -> None:
    events = told(
        tmp_path / "c.sqlite", first(), step("A", "edit", day(6, 2), {"note": (None, "甲\n乙" + "长" * 5000)})
    )
    note = histories(events, {"f": "A"}, WORDS)["f"][1][2]
    assert note.zh.startswith("更新；备注 甲 乙长")
    assert len(note.zh) < 230


# --- next step ---


def ahead(where: Path | str, today: dt.date) -> dict[str, Text]:
    from geosys.cases.deadlines import read_deadlines
    from geosys.cases.working_days import read_calendar

    terms = Terms(WORKFLOW, CONTENT.book, read_deadlines(ROOT, CONTENT.book), read_calendar(ROOT))
    with read_ledger(where) as connection:
        return next_steps(agenda(read_cases(connection), due_decisions(connection, ()), terms, today), WORDS)


def test_the_next_step_says_who_what_and_by_when(tmp_path: Path) -> None:
    where = tmp_path / "c.sqlite"
    given = {"status": ("found", "assigned"), "assigned_lead": (None, "water"), "assigned_due_on": (None, day(7, 1))}
    ended = {"status": ("found", "closed")}
    told(
        where, first("A", due_on=day(6, 30)), first("B"), first("C"), first("D", due_on=None),
        step("B", "move", day(6, 2), given, move="assign"), step("C", "move", day(6, 2), ended, move="close"),
    )  # fmt: skip
    found_now = ahead(where, day(6, 20))
    assert found_now["A"] == Text(
        "由生态环境局办理：交办给牵头单位、不予立项；时限 2026-06-30，余 10 天",
        f"{OFFICES['ecology'].en} to act: Assign to the lead office, Dismiss; due 2026-06-30, 10 days left",
    )
    assert found_now["B"].zh == "由水利局办理：督办、开始整改、不予立项；时限 2026-07-01，余 11 天"
    assert found_now["C"].zh == "无待办；可以：开展“回头看”、认定反弹"
    assert found_now["D"].zh == "由生态环境局办理：交办给牵头单位、不予立项；无时限"
    late = ahead(where, day(7, 21))
    assert (
        late["B"].zh == "由水利局办理：督办、开始整改、不予立项；时限 2026-07-01，已逾期 20 天；建议督办（逾期 20 天）"
    )


# --- photographs ---


@pytest.fixture
def county(tmp_path: Path) -> Path:
    return made_county(tmp_path / "county", tmp_path / "county" / "cases.sqlite")


def shown(root: Path, **more: Any) -> Any:
    with read_ledger(root / "cases.sqlite") as connection:
        events = read_events(connection)
    return photos_of(events, {case: case for case in events["case_id"]}, root / "evidence", 320, **more)


def picture(source: str) -> bytes:
    head, _, text = source.partition(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(text, validate=True)


def check_bare(data: bytes, tmp_path: Path) -> None:
    assert not re.search(rb"Exif|GPS|zhang san|xmpmeta|13800000000|ICC_PROFILE", data)
    file = tmp_path / "bare.jpg"
    file.write_bytes(data)
    assert metadata_left(file) == []


def test_a_photograph_with_its_place_loses_all_but_pixels(tmp_path: Path, county: Path) -> None:
    attach(county, jpeg(tmp_path / "现场.jpg", away(30), size=(800, 600)))
    found_photos = shown(county)
    ((_, ((source, caption),)),) = found_photos.pictures.items()
    assert caption == "2026-10-09 现场.jpg"
    check_bare(picture(source), tmp_path)
    page = str(pack_findings(maps_toy.findings().assign(photos=[[(source, caption)], None, None, None])))
    assert "2026-10-01" not in page  # the day that the camera wrote
    assert found_photos.told == {"shown": 1, "left_out": 0, "unreadable": 0, "bytes": len(source)}


def test_a_small_picture_that_somebody_put_in_its_place_is_drawn_anew(tmp_path: Path, county: Path) -> None:
    photo = jpeg(tmp_path / "a.jpg", away(30), size=(800, 600))
    (one,) = attach(county, photo)
    before = shown(county)
    small = small_picture(county / "evidence", one.digest, 320)
    small.write_bytes(photo.read_bytes())
    assert shown(county) == before
    small.unlink()
    assert shown(county) == before
    held = original(county / "evidence", one.digest, one.media_type)
    held.chmod(0o600)
    held.write_bytes(photo.read_bytes() + b"x")
    gone = shown(county)
    assert gone.pictures == {}
    assert [text.zh for text in gone.rest.values()] == ["台账另有 1 张照片未放入本图，其中 1 张缺失或损坏"]
    assert gone.told == {"shown": 0, "left_out": 1, "unreadable": 1, "bytes": 0}


def test_the_newest_four_are_shown_and_the_rest_told(tmp_path: Path, county: Path) -> None:
    colours = ("red", "green", "blue", "black", "white", "gray")
    attach(county, *(jpeg(tmp_path / f"{c}.jpg", colour=c) for c in colours))
    paper = tmp_path / "报告.pdf"
    paper.write_bytes(b"%PDF-1.4\n%%EOF\n")
    attach(county, paper)
    found_photos = shown(county)
    ((case, row),) = found_photos.pictures.items()
    assert [caption.split()[1] for _, caption in row] == [f"{c}.jpg" for c in colours[2:]]
    assert found_photos.rest[case] == Text("台账另有 2 张照片未放入本图", "2 more in the ledger, not in this map")
    assert shown(county) == found_photos
    one = len(row[-1][0])
    small = shown(county, most_bytes=one + 10)
    assert [caption for _, caption in small.pictures[case]] == [row[-1][1]]
    assert small.told["bytes"] <= one + 10
    assert (small.told["shown"], small.told["left_out"]) == (1, 5)


def test_every_case_gets_its_newest_before_any_gets_a_second(tmp_path: Path, county: Path) -> None:
    attach(county, *(jpeg(tmp_path / f"{c}.jpg", colour=c) for c in ("red", "green")))
    with open_ledger(county / "cases.sqlite") as connection:
        append_all(connection, [first("Z")])
    attach(county, *(jpeg(tmp_path / f"{c}.jpg", colour=c) for c in ("blue", "black", "green")), case="Z")
    whole = shown(county)
    sizes = {source: len(source) for row in whole.pictures.values() for source, _ in row}
    assert len(sizes) == 4  # the green one stands in two cases, and counts once
    assert whole.told["bytes"] == sum(sizes.values())
    newest = {case: row[-1] for case, row in whole.pictures.items()}
    few = shown(county, most_bytes=len({source for source, _ in newest.values()}) * max(sizes.values()))
    assert {case: row[-1] for case, row in few.pictures.items()} == newest


# --- months ---


def test_the_months_of_a_section_by_hand() -> None:
    """Permanganate index: II to 4, III to 6, IV to 10, V to 15 mg/l (GB 3838-2002, table 1)."""
    values = {"2026-01-10": 5.0, "2026-02-10": 7.0, "2026-02-20": 9.0, "2026-04-10": 16.0}
    rows = samples(
        *(("A", on, {"codmn_mg_l": v}) for on, v in values.items()), ("B", "2026-03-05", {"codmn_mg_l": 3.0})
    )
    found_months = section_months(sections("A", "B", "C"), rows, SPEC, SAMPLE, day(9, 15))
    assert found_months == {
        day(1, 31): ["III", None, None], day(2, 28): ["IV", None, None], day(3, 31): ["IV", "II", None], day(4, 30): ["劣V", "II", None],
        day(5, 31): ["劣V", "II", None], day(6, 30): ["劣V", "II", None], day(7, 31): ["劣V", None, None], day(8, 31): [None, None, None],
    }  # fmt: skip


def test_each_month_is_what_its_last_day_said() -> None:
    months = [("A", f"2026-{m:02}-10", {"codmn_mg_l": v}) for m, v in enumerate([5.0, 7.0, 3.0, 16.0, 9.0], 1)]
    rows, frame = samples(*months, ("B", "2026-02-11", {"codmn_mg_l": 5.5})), sections("A", "B")
    for end, classes in section_months(frame, rows, SPEC, SAMPLE, day(8, 1)).items():
        now = results(frame, rows, end)["class_now"]
        assert [None if pd.isna(v) else ("", "I", "II", "III", "IV", "V", "劣V")[v] for v in now] == classes


def test_a_layer_has_months_only_where_the_map_draws_by_them() -> None:
    rows = samples(("A", "2026-03-10", {"codmn_mg_l": 7.0}), ("A", "2026-04-10", {"codmn_mg_l": 16.0}))
    given_layers = {
        "water_section": layer("water_section", sections("B", "A")),
        "water_sample": layer("water_sample", rows),
    }
    layers = with_results(given_layers, CATALOGUE, day(4, 30))
    plain = map_layer_of(layers["water_section"], CATALOGUE)
    assert with_months(plain, layers, CATALOGUE, (), "target_class", day(4, 30)) is plain
    dated = with_months(plain, layers, CATALOGUE, (), "class_now", day(4, 30))
    assert dated.timeline == {day(3, 31): [None, "IV"]}
    assert dated.frame["class_now"].tolist() == [None, "劣V"]
    assert dated.codes["class_now"]["劣V"].zh == "劣Ⅴ类"
    alone = with_months(plain, {"water_section": layers["water_section"]}, CATALOGUE, (), "class_now", day(4, 30))
    assert alone.timeline == {}


def test_plots_tell_the_stages_that_their_own_days_opened() -> None:
    dated = {"listed_on": "污染地块", "removed_on": "移出名录"}
    frame = pd.DataFrame({
        "stage": ["移出名录", "污染地块", "修复中", "移出名录", None, "移出名录"],
        "listed_on": [day(1, 5), day(3, 9), day(1, 5), None, None, day(1, 6)],
        "removed_on": [day(4, 2), None, None, day(5, 5), pd.NaT, day(12, 1)],
    })  # fmt: skip
    assert plot_months(frame, "stage", dated, day(5, 31)) == {
        day(1, 31): ["污染地块", None, None, None, None, None],
        day(3, 31): ["污染地块", "污染地块", None, None, None, None],
        day(4, 30): ["移出名录", "污染地块", None, None, None, None],
    }
    assert plot_months(frame, "grade", dated, day(5, 31)) == {}
    kept = PlotList("x", Text("", ""), "outfall", "", (), (), dated, (), "stage", (), "", "")
    toy_layer = maps_toy.layers()[0]
    layers = {toy_layer.id: layer(toy_layer.id, toy_layer.frame)}
    assert with_months(toy_layer, layers, CATALOGUE, (kept,), "rectify_state", day(5, 31)) is toy_layer


# --- all of it, and the page ---


def test_the_feed_of_a_run(tmp_path: Path, county: Path) -> None:
    attach(county, jpeg(tmp_path / "a.jpg", away(30)))
    with open_ledger(county / "cases.sqlite") as connection:
        cases = toy.run(connection, toy.book(), toy.layers({"A": "POINT (0 0)"}), day(10, 10))
        case = cases["case_id"].iloc[0]
        append_all(connection, [step(case, "edit", day(10, 9), {"assigned_lead": (None, "water")}, reason="转办")])
        lone = {"finding_id": "near", "case_id": ""}
        findings = pd.concat([cases, pd.DataFrame([lone])], ignore_index=True)
        findings = findings.assign(lead="ecology", lead_zh="生态环境局", lead_en="E").set_index(pd.Index([7, 3]))
        feed = feed_of(connection, findings, CONTENT, county / "evidence", day(10, 10))
        empty = feed_of(connection, findings.iloc[:0], CONTENT, county / "evidence", day(10, 10))
    columns = pd.DataFrame(feed.columns)
    assert tuple(columns) == COLUMNS
    assert columns.index.tolist() == [7, 3]
    assert columns.loc[3].tolist() == [None] * 6 + ["ecology", "生态环境局", "E"]
    assert [state for _, state, _ in columns.loc[7, "history"]] == [
        "found",
        "assigned",
        "rectifying",
        "rectifying",
        "rectifying",
    ]
    assert columns.loc[7, "next_zh"].startswith("由水利局办理：督办、通过验收")
    assert columns.loc[7, ["lead", "lead_zh"]].tolist() == ["water", "水利局"]
    assert feed.told["shown"] == len(columns.loc[7, "photos"]) == 1
    assert all(len(column) == 0 for column in empty.columns.values())


@pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed: maps cannot be opened")
def test_the_card_shows_what_the_feed_gives(tmp_path: Path, county: Path) -> None:
    from playwright.sync_api import sync_playwright

    attach(
        county, *(jpeg(tmp_path / f"{c}.jpg", away(30), colour=c) for c in ("red", "green", "blue", "black", "white"))
    )
    photos = shown(county)
    ((case, row),) = photos.pictures.items()
    with read_ledger(county / "cases.sqlite") as connection:
        steps = histories(read_events(connection), {"f": case}, WORDS)["f"]
    steps = [*steps, (day(9, 25), "accepted", Text(maps_toy.IMAGE, maps_toy.SCRIPT))]
    steps = sorted(steps[:3], key=lambda s: s[0]) + steps[-1:]
    rows = maps_toy.findings().assign(
        history=[steps, steps, None, None], photos=[row, row, None, None], found_on=[day(9, 1)] * 4,
        next_zh=["由水利局办理：督办"] * 4, next_en=["Water to act: Escalate"] * 4,
        photos_rest_zh=[photos.rest[case].zh, None, None, None], photos_rest_en=[photos.rest[case].en, None, None, None],
    )  # fmt: skip
    page = build_page(load_map(MAPS), maps_toy.layers(), rows, maps_toy.outcomes(), maps_toy.META)
    assert page.count("data:image/jpeg;base64,") == 4  # two findings, the same pictures
    file = tmp_path / "map.html"
    file.write_text(page, encoding="utf-8", newline="\n")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        visit = Visit(browser, file)
        visit.search("F-001")
        visit.page.keyboard.press("Enter")
        card = visit.text("#gs-card")
        for text in (
            "由水利局办理：督办",
            "经办 张三",
            maps_toy.IMAGE,
            "台账另有 1 张照片未放入本图",
            "2026-10-09 blue.jpg",
        ):
            assert text in card
        assert (
            visit.page.evaluate("Array.from(document.querySelectorAll('#gs-card img'), i => i.naturalWidth)")
            == [64] * 4
        )
        visit.page.click("#gs-language")
        assert "by 张三" in visit.text("#gs-card .gs-steps")
        assert maps_toy.SCRIPT in visit.text("#gs-card .gs-steps")
        visit.page.evaluate("GeoSys.time.toggle(true); GeoSys.time.day = '2026-09-22'; GeoSys.card.render()")
        assert "Water to act" not in visit.text("#gs-card")  # nobody noted what came next on an earlier day
        assert "Rectifying" in visit.text("#gs-card .gs-chips")
        assert visit.trouble == []
        assert {url for url in visit.requests if not url.startswith("data:")} == {file.as_uri()}
        browser.close()
