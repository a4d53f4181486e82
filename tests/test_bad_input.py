"""Bad content, plans, files and values: each gets one clear message or issue row, and nothing is written half."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import openpyxl
import pyogrio
import pytest
import shapely
from intake_toy import CRS, LEDGER, copy_content, edit, geojson, package, square, text_file

from geosys import run as running
from geosys._errors import GeoSysError, SpecError, WorkspaceError
from geosys.cases.ledger.database import open_ledger
from geosys.cases.ledger.events import read_cases
from geosys.cli import main
from geosys.inbox import add_deliveries
from geosys.layers.spec import read_catalogue
from geosys.layers.store import read_current
from geosys.rooms import read_content
from geosys.run import run
from geosys.workspace import find_workspace, init_workspace, read_workspace

TODAY = dt.date(2026, 9, 30)
PLAN = 'title = { zh = "小县", en = "Toy county" }\ncrs = "EPSG:4547"\nregion = [113.9, 34.6, 114.2, 34.9]\n'
OUTFALL = '[[deliveries]]\nfile = "a.csv"\nlayer = "outfall"\n'
SPEC = "layers/outfall.toml"
RULES = "cases/rules/outfalls.toml"
HOSTILE = {
    "web": "<img src=x onerror=alert(1)>", "script": "</script><script>alert(1)</script>", "formula": "=cmd()|' /C calc'!A0", "plus": "+1+1",
    "path": "../../../etc/passwd", "long": "长" * 5000, "right": "甲\u202e乙\u200f丙", "quotes": "\"'`\\", "excel": "_x0041_",
}  # fmt: skip


@pytest.fixture(scope="module")
def content():
    return read_content()


@pytest.fixture
def copy(tmp_path):
    return copy_content(tmp_path / "content")


def silent(_stage, _done, _total):
    """Take progress and say nothing."""


def messages(call, *arguments, error=SpecError):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value).splitlines()


def one_message(call, *arguments, error=SpecError):
    """Return the one message of a refusal, which says where, got, expected and what to do."""
    lines = messages(call, *arguments, error=error)
    assert len(lines) == 1, lines
    assert ": got " in lines[0]
    assert ", expected " in lines[0]
    return lines[0]


# Content


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (SPEC, "geometry   =", "geometri = 1\ngeometry   =", ["layers/outfall.toml", "'geometri'", "Did you mean 'geometry'?"]),
        (SPEC, 'geometry   = "point"', 'geometry = "pont"', ["geometry", "'pont'", "Did you mean 'point'?"]),
        (SPEC, "length   = 32\n", "lenght = 32\n", ["[fields.outfall_code]", "Did you mean 'length'?"]),
        (SPEC, 'type     = "text"', 'type = "txt"', ["[fields.outfall_code] type", "Did you mean 'text'?"]),
        (SPEC, 'codes    = "outfall_type"', 'codes = "outfal_type"', ["[fields.outfall_type] codes", "Did you mean 'outfall_type'?"]),
        (SPEC, 'steward    = "ecology"', 'steward = "ecologi"', ["steward", "Did you mean 'ecology'?"]),
        (SPEC, 'name       = "outfall_name"', 'name = "outfal_name"', ["Did you mean 'outfall_name'?"]),
        (SPEC, 'key        = ["outfall_code"]', 'key = ["outfal_code"]', ["Did you mean 'outfall_code'?"]),
        (SPEC, 'check = "inside_region"', 'check = "inside_regoin"', ["[[checks]] 1", "Did you mean 'inside_region'?"]),
        (SPEC, 'first = "found_on"', 'first = "fund_on"', ["[[checks]] 4", "Did you mean 'found_on'?"]),
        (SPEC, 'field = "target_on"\n', "", ["[[checks]] 6", "the key 'field'"]),
        (SPEC, '"DFBM"', '"PWKBM"', ["[fields.local_code] aliases", "'pwkbm'", "outfall_code"]),
        (SPEC, 'en = "Local code"', 'en = ""', ["[fields.local_code] title", "both languages"]),
        (SPEC, "[fields.outfall_code]", "[fields.outfall_code", ["layers/outfall.toml", "TOML", "line 13"]),
        ("layers/suspected_plot.toml", 'function = "add_months"', 'function = "add_month"', ["[derived.survey_due_on]", "'add_months'"]),
        ("layers/suspected_plot.toml", 'from     = ["notice_on"]', 'from = ["notice"]', ["[derived.survey_due_on] from", "'notice_on'"]),
        ("layers/codes/handling.csv", "code,zh", "kode,zh", ["layers/codes/handling.csv", "'code'"]),
        ("layers/issue_types.csv", "bad_date,warning", "bad_date,warn", ["layers/issue_types.csv line ", "'warning'"]),
        ("layers/issue_types.csv", "bad_date,", "bad_dat,", ["layers/issue_types.csv", "'bad_date'"]),
        (RULES, "relation =", "relatoin = 1\nrelation =", [RULES, "Did you mean 'relation'?"]),
        (RULES, 'relation = "covered_by"', 'relation = "coverd_by"', [RULES, "'coverd_by'"]),
        (RULES, 'lead     = "', 'lead = "x', [RULES, "lead"]),
        (RULES, 'severity = "critical"', 'severity = "crtical"', [RULES, "'critical'"]),
    ],
)  # fmt: skip
def test_one_fault_of_content_is_one_message_with_the_nearest_word(copy, file, old, new, expected):
    edit(copy, file, old, new)
    message = one_message(read_content, copy)
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    "line",
    [
        'steward    = "ecology"\n',
        'geometry   = "point"\n',
        'title      = { zh = "入河排污口", en = "Sewage outfall" }\n',
    ],
)
def test_a_required_key_that_is_absent_is_one_message(copy, line):
    edit(copy, SPEC, line, "")
    assert line.split()[0] in one_message(read_catalogue, copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('key        = ["outfall_code"]', 'key = "outfall_code"'),
        ('aliases  = ["本地编码", "地方编号", "原编号", "自编号", "DFBM"]', 'aliases = "DFBM"'),
        ("[fields.local_code]", "[fields]\nextra = 5\n\n[fields.local_code]"),
        ("accuracy_m = 10.0", 'accuracy_m = "ten"'),
        ("accuracy_m = 10.0", 'accuracy_m = 10.0\ntime = "outfall_code"'),
        ("accuracy_m = 10.0", 'accuracy_m = 10.0\ntime = ["built_on"]'),
        ('zh = "地方编码", en = "Local code" }', 'zh = "地方编码", en = "Local code" }\nrequired = "false"'),
        ('zh = "地方编码", en = "Local code" }', 'zh = "地方编码", en = "Local code" }\npattern = 5'),
        ('zh = "地方编码", en = "Local code" }', 'zh = "地方编码", en = "Local code" }\nminimum = 5'),
        ('codes    = "outfall_type"', 'codes = ["outfall_type"]'),
        ('when  = { rectify_state = ["未整治", "整治中"] }', 'when = "未整治"'),
        ('when  = { rectify_state = ["未整治", "整治中"] }', "when = { rectify_state = { missing = true } }"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_message_not_a_traceback(copy, old, new):
    edit(copy, SPEC, old, new)
    assert SPEC in one_message(read_catalogue, copy)


def test_checks_in_single_brackets_are_one_message(copy):
    edit(
        copy,
        "layers/river.toml",
        '[[checks]]\ncheck = "inside_region"\n\n[[checks]]\ncheck = "duplicate_geometry"',
        '[checks]\ncheck = "inside_region"',
    )
    assert "layers/river.toml" in one_message(read_catalogue, copy)


def test_a_setting_of_a_check_of_the_wrong_type_is_one_message(copy):
    edit(copy, "layers/farmland_class.toml", "max_area_m2 = 1", 'max_area_m2 = "one"')
    assert "layers/farmland_class.toml" in one_message(read_catalogue, copy)


def test_a_missing_code_list_is_one_message_for_each_field_that_uses_it(copy):
    (copy / "layers" / "codes" / "handling.csv").unlink()
    message = one_message(read_catalogue, copy)
    assert message.startswith("layers/outfall.toml [fields.handling] codes: got 'handling'")


@pytest.mark.parametrize("file", ["layers/issue_types.csv", "cases/legal_basis.csv", "layers/codes/office.csv"])
def test_a_missing_table_is_named(copy, file):
    (copy / file).unlink()
    lines = messages(read_content, copy)
    assert any(file in line for line in lines)
    assert len(lines) == 1 or file == "layers/codes/office.csv"


def test_all_faults_of_all_files_come_at_once(copy):
    edit(copy, SPEC, 'geometry   = "point"', 'geometry = "pont"')
    edit(copy, "layers/river.toml", 'steward    = "water"', 'steward = "watter"')
    edit(copy, "layers/codes/handling.csv", "code,zh", "kode,zh")
    lines = messages(read_content, copy)
    assert len(lines) == 3


def test_content_in_another_encoding_is_named(copy):
    for file in (SPEC, "layers/codes/handling.csv"):
        path = copy / file
        text = path.read_text(encoding="utf-8")
        path.write_bytes(text.encode("gb18030"))
        assert file in one_message(read_catalogue, copy)
        path.write_text(text, encoding="utf-8")


def test_a_blank_line_at_the_end_of_a_table_is_no_fault(copy):
    path = copy / "layers" / "codes" / "handling.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    read_catalogue(copy)


def test_a_word_for_two_codes_is_named(copy):
    path = copy / "layers" / "codes" / "handling.csv"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    cells = rest[0].split(",")
    path.write_text(
        "\n".join([first, *rest, ",".join(["新", "新", "New", cells[0], "x", "confirmed"])]) + "\n", encoding="utf-8"
    )
    assert f"'{cells[0]}'" in one_message(read_catalogue, copy)


# Plans


def workspace_with(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "geosys.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAN + OUTFALL.replace("outfall", "outfal"), ["[[deliveries]] 1 layer", "'outfal'", "Did you mean 'outfall'?"]),
        (PLAN + OUTFALL + "collumns = {}\n", ["[[deliveries]] 1", "Did you mean 'columns'?"]),
        (PLAN.replace("region =", "regoin ="), ["Did you mean 'region'?"]),
        (PLAN + OUTFALL.replace('file = "a.csv"\n', ""), ["the key 'file'"]),
        (PLAN + OUTFALL + 'columns = { "编号" = "outfal_code" }\n', ["columns", "Did you mean 'outfall_code'?"]),
        (PLAN + OUTFALL + 'set = { county = "410299" }\n', ["set", "'county_code'"]),
        (PLAN + OUTFALL + 'units = { flow = "t/d" }\n', ["units", "'flow'"]),
        (PLAN + OUTFALL + 'crs = "EPSG:99999"\n', ["[[deliveries]] 1", "'EPSG:99999'"]),
        (PLAN.replace("EPSG:4547", "EPSG:99999"), ["'EPSG:99999'", "EPSG:4547"]),
        (PLAN.replace("EPSG:4547", "EPSG:4490"), ["geosys.toml crs", "metres"]),
        (PLAN.replace("EPSG:4547", "EPSG:3857"), ["geosys.toml crs", "true metres"]),
        (PLAN.replace("[113.9, 34.6, 114.2, 34.9]", "[34.6, 113.9, 34.9, 114.2]"), ["region", "west, south, east, north"]),
        (PLAN.replace("[113.9, 34.6, 114.2, 34.9]", '"all"'), ["region"]),
        ('as_of = "2026-09-30"\n' + PLAN, ["as_of", "2026-09-30"]),
        (PLAN.replace('"EPSG:4547"', "EPSG:4547"), ["geosys.toml", "TOML", "line 2"]),
        (PLAN.replace('title = { zh = "小县", en = "Toy county" }\n', ""), ["title"]),
    ],
)  # fmt: skip
def test_one_fault_of_a_plan_is_one_message(tmp_path, content, text, expected):
    message = one_message(read_workspace, workspace_with(tmp_path / "w", text), content.catalogue)
    assert message.startswith(("geosys.toml", "CRS"))
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    "text",
    [
        PLAN + OUTFALL.replace("[[", "[").replace("]]", "]"),
        'deliveries = "a.csv"\n' + PLAN,
        'deliveries = ["a.csv"]\n' + PLAN,
        PLAN + '[[deliveries]]\nfile = "a.csv"\nlayer = ["outfall"]\n',
        PLAN + '[[deliveries]]\nfile = "a.csv"\nlayer = 5\n',
        PLAN + OUTFALL + 'set = { outfall_name = ["a", "b"] }\n',
        PLAN + OUTFALL + "units = { flow_t_d = 5 }\n",
        PLAN + OUTFALL + 'units = { flow_t_d = "斤" }\n',
        PLAN + OUTFALL + 'values = { outfall_type = "x" }\n',
        PLAN + OUTFALL + 'values = { outfall_type = { a = "不存在的类型" } }\n',
        PLAN + OUTFALL + 'set = { outfall_type = "不存在的类型" }\n',
        PLAN + OUTFALL + 'encoding = "klingon"\n',
        "as_of = 2026-09-30T10:00:00\n" + PLAN,
        PLAN.replace("EPSG:4547", "EPSG:2383"),
    ],
)
def test_a_plan_of_the_wrong_types_or_words_is_one_message_not_a_traceback(tmp_path, content, text):
    assert "geosys.toml" in one_message(read_workspace, workspace_with(tmp_path / "w", text), content.catalogue)


def test_no_plan_and_a_plan_twice(tmp_path):
    one_message(find_workspace, tmp_path, error=WorkspaceError)
    init_workspace(tmp_path / "w", '某"县\\', "EPSG:4547")
    plan = (tmp_path / "w" / "geosys.toml").read_bytes()
    one_message(init_workspace, tmp_path / "w", "x", "EPSG:4547", error=WorkspaceError)
    assert (tmp_path / "w" / "geosys.toml").read_bytes() == plan
    assert find_workspace(tmp_path / "w" / "inbox") == (tmp_path / "w").resolve()


def test_a_title_with_quotes_reads_back(tmp_path, content):
    init_workspace(tmp_path / "w", '某"县\\\n\x7f', "EPSG:4547")
    assert read_workspace(tmp_path / "w", content.catalogue).title.zh == '某"县\\\n\x7f'


# Adding deliveries


def test_adding_refuses_an_absent_file_an_unknown_layer_and_another_file_of_the_name(tmp_path, content):
    root = tmp_path / "w"
    init_workspace(root, "x", "EPSG:4547")
    before = (root / "geosys.toml").read_bytes()
    file = text_file(tmp_path / "a.csv", LEDGER)
    one_message(add_deliveries, root, [tmp_path / "b.csv"], "outfall", content.catalogue, error=WorkspaceError)
    assert "Did you mean 'outfall'?" in one_message(add_deliveries, root, [file], "outfal", content.catalogue)
    (root / "inbox" / "a.csv").write_text("another")
    one_message(add_deliveries, root, [file], "outfall", content.catalogue, error=WorkspaceError)
    assert (root / "geosys.toml").read_bytes() == before
    assert (root / "inbox" / "a.csv").read_text() == "another"


def test_adding_twice_is_adding_once_and_a_shapefile_comes_with_its_parts(tmp_path, content):
    root = tmp_path / "w"
    init_workspace(root, "x", "EPSG:4547")
    path = package(tmp_path / "地块[1].shp", {"DKBM": ["P1"]}, [square(0, 0)])
    for _ in range(2):
        assert add_deliveries(root, [path], "suspected_plot", content.catalogue) == ["inbox/地块[1].shp"]
    assert {p.suffix for p in (root / "inbox").iterdir()} >= {".shp", ".shx", ".dbf", ".prj"}
    plan = read_workspace(root, content.catalogue)
    assert [d.path.is_file() for d in plan.deliveries] == [True]


def test_several_files_are_added_all_or_none(tmp_path, monkeypatch, capsys):
    root = tmp_path / "w"
    init_workspace(root, "x", "EPSG:4547")
    before = (root / "geosys.toml").read_bytes()
    file = text_file(tmp_path / "a.csv", LEDGER)
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as caught:
        main(["add", str(file), str(tmp_path / "absent.csv"), "--layer", "outfall"])
    assert caught.value.code == 2
    assert "absent.csv" in capsys.readouterr().err
    assert (root / "geosys.toml").read_bytes() == before
    assert list((root / "inbox").iterdir()) == []


def test_a_delivery_is_added_where_the_plan_looks_for_it(tmp_path, content):
    root = workspace_with(tmp_path / "w", PLAN + 'inbox = "data"\n')
    (root / "data").mkdir()
    add_deliveries(root, [text_file(tmp_path / "a.csv", LEDGER)], "outfall", content.catalogue)
    assert [d.path.is_file() for d in read_workspace(root, content.catalogue).deliveries] == [True]


def test_the_same_file_may_be_added_for_another_sheet(tmp_path, content):
    root = tmp_path / "w"
    init_workspace(root, "x", "EPSG:4547")
    file = text_file(tmp_path / "a.csv", LEDGER)
    for table in ("二", None):
        add_deliveries(root, [file], "outfall", content.catalogue, {"table": table})
    assert [d.table for d in read_workspace(root, content.catalogue).deliveries] == ["二", None]


# Runs


def county(folder, names=("甲",), extra="", plan=PLAN):
    """Write a workspace: outfalls every 100 m, all inside one primary source zone."""
    folder.mkdir(exist_ok=True)
    places = [{"type": "Point", "coordinates": [114.01 + 0.001 * i, 34.77]} for i in range(len(names))]
    rows = [
        {"outfall_code": f"A{i}", "outfall_name": n, "county_code": "410299", "is_traced": True}
        for i, n in enumerate(names)
    ]
    geojson(folder / "outfalls.geojson", list(zip(rows, places, strict=True)))
    zone = {
        "type": "Polygon",
        "coordinates": [[[114.0, 34.76], [114.1, 34.76], [114.1, 34.78], [114.0, 34.78], [114.0, 34.76]]],
    }
    props = {"zone_code": "Z1", "zone_name": "一号水源", "level": "一级", "is_marked": True, "approval_no": "1"}
    geojson(folder / "zones.geojson", [(props, zone)])
    entries = "".join(
        f'[[deliveries]]\nfile = "{f}.geojson"\nlayer = "{y}"\n'
        for f, y in (("outfalls", "outfall"), ("zones", "source_zone"))
    )
    return workspace_with(folder, plan + entries + extra)


def go(root, content):
    return run(read_workspace(root, content.catalogue), content, TODAY, silent)


def prints_of(folder):
    """Return the hash of each file below a folder."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_a_tiny_county_runs_to_its_outputs(tmp_path, content):
    result = go(county(tmp_path / "w"), content)
    assert {p.name for p in (tmp_path / "w" / "out").iterdir()} >= {
        "map.html",
        "findings.xlsx",
        "issues.xlsx",
        "results.gpkg",
        "manifest.json",
    }
    assert "outfall_in_source_zone_primary" in set(result.findings["rule"])
    assert not result.has_problems


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ('file = "absent.csv"\nlayer = "river"', "missing_file"),
        ('file = "empty.csv"\nlayer = "river"', "unreadable_file"),
        ('file = "header.csv"\nlayer = "water_section"', "empty_layer"),
        ('file = "junk.xlsx"\nlayer = "water_section"', "unreadable_file"),
        ('file = "outfalls.geojson"\nlayer = "river"', "wrong_geometry_type"),
        ('file = "zones.geojson"\nlayer = "river"\ntable = "其他"', "unknown_table"),
    ],
)
def test_a_bad_delivery_is_an_issue_and_the_rest_still_runs(tmp_path, content, entry, kind):
    root = county(tmp_path / "w", extra=f"[[deliveries]]\n{entry}\n")
    (root / "empty.csv").write_bytes(b"")
    text_file(root / "header.csv", "断面编码,断面名称,经度,纬度")
    (root / "junk.xlsx").write_bytes(b"PK junk")
    result = go(root, content)
    grave = result.issues[result.issues["severity"].isin(["error", "critical"])]
    assert grave["issue_type"].tolist()[0] == kind
    assert set(grave["issue_type"]) <= {kind, "empty_layer"}
    row = grave.iloc[0]
    assert all(
        (
            row.source_file,
            row.message_zh,
            row.message_en,
            row.advice_zh,
            row.advice_en,
            row.steward_zh,
            row.responsibility,
        )
    )
    assert result.has_problems
    assert "outfall_in_source_zone_primary" in set(result.findings["rule"])


def test_deleting_a_layer_turns_its_rules_to_not_assessed_and_forgets_its_version(tmp_path, content):
    root = county(tmp_path / "w")
    go(root, content)
    assert read_current(root / "store", content.catalogue.layers["source_zone"]) is not None
    (root / "zones.geojson").unlink()
    result = go(root, content)
    counts = result.outcomes.set_index("rule").loc["outfall_in_source_zone_primary"]
    assert (counts["not_assessed"], counts["clear"], counts["hit"]) == (1, 0, 0)
    assert read_current(root / "store", content.catalogue.layers["source_zone"]) is None


def test_a_critical_issue_stops_the_run_with_issues_only(tmp_path, content):
    root = county(
        tmp_path / "w",
        names=[f"n{i}" for i in range(5)],
        plan=PLAN.replace("113.9, 34.6, 114.2, 34.9", "113.9, 33.6, 114.2, 33.9"),
    )
    result = go(root, content)
    assert result.findings is None
    assert "wrong_place" in set(result.issues["issue_type"])
    assert {p.name for p in (root / "out").iterdir()} == {"issues.xlsx", "results.gpkg", "manifest.json"}
    assert json.loads((root / "out" / "manifest.json").read_text("utf-8"))["stopped"] is True


@pytest.mark.parametrize(
    "error", [OSError("disk full"), KeyboardInterrupt(), MemoryError(), GeoSysError("x: got y, expected z.")]
)
def test_a_run_that_dies_while_writing_leaves_the_old_outputs_and_ledger(tmp_path, content, monkeypatch, error):
    root = county(tmp_path / "w")
    go(root, content)
    before = prints_of(root / "out")
    with open_ledger(root / "cases.sqlite") as ledger:
        cases = read_cases(ledger)
    county(root, names=("甲", "乙"))

    def die(folder, *_arguments):
        (folder / "half.xlsx").write_bytes(b"half")
        raise error

    monkeypatch.setattr(running, "write_outputs", die)
    with pytest.raises(type(error)):
        go(root, content)
    assert prints_of(root / "out") == before
    assert not list(root.glob("out.*"))
    with open_ledger(root / "cases.sqlite") as ledger:
        assert read_cases(ledger).equals(cases)


def test_a_run_that_dies_between_the_two_renames_leaves_one_whole_set_of_outputs(tmp_path, content, monkeypatch):
    root = county(tmp_path / "w")
    go(root, content)
    before = prints_of(root / "out")
    true_rename = Path.rename

    def rename(self, target):
        if self.name.endswith(".part") and Path(target).name == "out":
            raise PermissionError(13, "in use", str(self))
        return true_rename(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="in use"):
        go(root, content)
    assert prints_of(root / "out") == before


def test_a_run_that_dies_while_judging_writes_nothing(tmp_path, content, monkeypatch):
    root = county(tmp_path / "w")

    def die(*_arguments):
        raise MemoryError

    monkeypatch.setattr(running, "assess", die)
    with pytest.raises(MemoryError):
        go(root, content)
    assert not (root / "out").exists()
    assert not list(root.rglob("*.part"))


def test_a_version_whose_writing_dies_leaves_no_half_file(tmp_path, content, monkeypatch):
    root = county(tmp_path / "w")

    def die(path, _frame):
        Path(path).write_bytes(b"half")
        raise OSError(28, "no space left")

    monkeypatch.setattr("geosys.layers.store.write_along_hilbert", die)
    with pytest.raises(OSError, match="no space"):
        go(root, content)
    assert not list((root / "store").rglob("*.parquet"))
    assert not list((root / "store").rglob("current.json"))


def test_a_damaged_ledger_is_an_error_of_ours_and_nothing_is_written(tmp_path, content):
    root = county(tmp_path / "w")
    (root / "cases.sqlite").write_bytes(b"this is no database" * 100)
    assert "cases.sqlite" in one_message(go, root, content, error=WorkspaceError)
    assert not (root / "out").exists()


def test_a_damaged_version_is_an_error_of_ours(tmp_path, content):
    root = county(tmp_path / "w")
    go(root, content)
    for part in (root / "store" / "outfall").glob("*.parquet"):
        part.write_bytes(b"junk")
    one_message(read_current, root / "store", content.catalogue.layers["outfall"], error=WorkspaceError)


def test_a_damaged_version_is_written_again_by_the_next_run(tmp_path, content):
    root = county(tmp_path / "w")
    go(root, content)
    for part in (root / "store" / "outfall").glob("*.parquet"):
        part.write_bytes(b"junk")
    go(root, content)
    assert len(read_current(root / "store", content.catalogue.layers["outfall"]).frame) == 1


def test_an_error_of_ours_is_one_message_and_exit_code_2(tmp_path, capsys):
    workspace_with(tmp_path / "w", PLAN + OUTFALL.replace("outfall", "outfal"))
    with pytest.raises(SystemExit) as caught:
        main(["run", "--workspace", str(tmp_path / "w")])
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert "Did you mean 'outfall'?" in shown.err
    assert "Traceback" not in shown.err


# Hostile values


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, content):
    root = county(tmp_path_factory.mktemp("hostile") / "w", names=list(HOSTILE.values()))
    return root, go(root, content)


def test_hostile_names_are_equal_in_the_layer_and_in_the_package(hostile, content):
    root, _ = hostile
    layer = read_current(root / "store", content.catalogue.layers["outfall"])
    assert layer.frame["outfall_name"].tolist() == list(HOSTILE.values())
    findings = pyogrio.read_dataframe(root / "out" / "results.gpkg", layer="findings")
    found = findings[findings["rule"] == "outfall_in_source_zone_primary"].set_index("subject_id")["subject_name"]
    assert [found[f"A{i}"] for i in range(len(HOSTILE))] == list(HOSTILE.values())


def test_hostile_names_are_text_in_the_workbook(hostile):
    root, _ = hostile
    book = openpyxl.load_workbook(root / "out" / "findings.xlsx")
    cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b", "inlineStr"}, "a formula"
    assert not any(cell.hyperlink for cell in cells)
    texts = {cell.value for cell in cells if isinstance(cell.value, str)}
    assert set(HOSTILE.values()) - {text.replace("_x005F_", "_") for text in texts} == set()


def test_hostile_names_are_no_markup_in_the_map(hostile):
    root, _ = hostile
    page = (root / "out" / "map.html").read_text("utf-8")
    assert HOSTILE["web"] not in page
    assert HOSTILE["script"] not in page
    assert "onerror=alert" not in page.replace("\\u003cimg src=x onerror=alert", "").replace(
        "&lt;img src=x onerror=alert", ""
    )


def test_a_nul_and_other_control_characters_do_not_cut_a_value(tmp_path, content):
    root = county(tmp_path / "w")
    (root / "outfalls.geojson").unlink()
    text_file(root / "outfalls.csv", LEDGER, "A0,前\x00后\x07尾,114.01,34.77")
    edit(root, "geosys.toml", "outfalls.geojson", "outfalls.csv")
    result = go(root, content)
    assert result.findings["subject_name"].str.contains("后").all()
    name = pyogrio.read_dataframe(root / "out" / "results.gpkg", layer="findings")["subject_name"].iloc[0]
    assert "后" in name
    assert "尾" in name
    sheet = openpyxl.load_workbook(root / "out" / "findings.xlsx").worksheets[0]
    assert any("后" in str(c.value) and "尾" in str(c.value) for row in sheet.iter_rows() for c in row)


def test_a_lone_surrogate_does_not_stop_a_run(tmp_path, content):
    root = county(tmp_path / "w")
    path = root / "outfalls.geojson"
    path.write_text(path.read_text("utf-8").replace("甲", "前\\ud800后"), "utf-8")
    result = go(root, content)
    assert all(name.startswith("前") and name.endswith("后") for name in result.findings["subject_name"])


def test_hostile_values_in_issues_are_text_everywhere(tmp_path, content):
    root = county(tmp_path / "w")
    (root / "outfalls.geojson").unlink()
    rows = [
        f'A{i},n,114.01{i},34.77,"{v}"'
        for i, v in enumerate(["=cmd()", "<img src=x onerror=alert(1)>", "\u202eabc", "长" * 5000])
    ]
    text_file(root / "outfalls.csv", LEDGER + ",排放量", *rows)
    edit(root, "geosys.toml", "outfalls.geojson", "outfalls.csv")
    result = go(root, content)
    bad = result.issues[result.issues["issue_type"] == "bad_number"]
    assert len(bad) == 4
    sheet = openpyxl.load_workbook(root / "out" / "issues.xlsx").worksheets[0]
    assert "f" not in {c.data_type for row in sheet.iter_rows() for c in row}
    assert "=cmd()" in {c.value for row in sheet.iter_rows() for c in row}


def test_codes_with_paths_stay_inside_the_workspace(tmp_path, content):
    root = county(tmp_path / "w")
    path = root / "outfalls.geojson"
    path.write_text(path.read_text("utf-8").replace('"A0"', '"../../../A0"'), "utf-8")
    before = {p for p in tmp_path.rglob("*") if root not in p.parents and p != root}
    result = go(root, content)
    assert set(result.findings["subject_id"]) == {"../../../A0"}
    assert {p for p in tmp_path.rglob("*") if root not in p.parents and p != root} == before


def test_the_toy_zone_holds_the_toy_outfalls(tmp_path, content):
    result = go(county(tmp_path / "w", names=("甲", "乙")), content)
    zone, outfalls = result.layers["source_zone"].frame.geometry.iloc[0], result.layers["outfall"].frame.geometry
    assert shapely.contains(zone, outfalls).all()
    assert str(outfalls.crs) == CRS
