"""The gate: what fails leaves a report and no data, what passes appears at once, and no death in between leaves half a package."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pytest
from publish_toy import CRS, DAY, FINDINGS_LAYER, PLANTS, PROFILE, catalogue, findings, planted, plots, profile_of

from geosys._errors import SpecError, WorkspaceError
from geosys._text import Text
from geosys.content import hash_file
from geosys.layers.store import write_issues, write_version
from geosys.layers.vector_files import write_geopackage
from geosys.permissions import read_permissions
from geosys.publish import package
from geosys.publish.claims import CLAIMS, PART, REFUSED, claimed
from geosys.publish.content import Check, PackageFile
from geosys.publish.gathering import Gathered, gather
from geosys.publish.package import PACKAGES, STAGES, preview_package, publish_package
from geosys.publish.papers.verification import verify_package
from geosys.publish.permissions import judge_disclosure
from geosys.publish.steps import Steps
from geosys.workspace import PLAN, read_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from geosys.workspace import Workspace

PERMISSION = """
[[permissions]]
layer       = "suspected_plot"
receiver    = "toy"
audience    = "shared"
approved_by = "局长 王某"
approved_on = 2026-09-01
document    = "环发〔2026〕12号"
expires_on  = 2027-08-31
"""
PLAN_TEXT = """title = {{ zh = "试验县", en = "Toy county" }}
crs = "{crs}"
region = [113.9, 34.7, 114.2, 34.9]
{permissions}"""
GOOD = Check("read_back", Text("读回", "Read back"), "DK", is_passed=True)


def workspace_at(folder: Path, permissions: str = PERMISSION) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLAN).write_text(PLAN_TEXT.format(crs=CRS, permissions=permissions), encoding="utf-8")
    write_version(folder / "store", plots())
    return read_workspace(folder, catalogue())


def write_data(folder: Path, shaped: Any, *_: Any) -> list[PackageFile]:
    from pathlib import PurePosixPath

    (folder / "data").mkdir()
    (folder / "data" / "toy.csv").write_text("".join(one.frame.to_csv() for one in shaped), encoding="utf-8")
    return [PackageFile(PurePosixPath("data/toy.csv"), "csv", tuple(one.layer.name for one in shaped))]


def write_report(folder: Path, account: Any) -> None:
    told = {"verdict": account.is_passed, "failed": [check.id for check in account.checks if not check.is_passed]}
    (folder / "report.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "report.html").write_text("<p>", encoding="utf-8")


def steps(**changes: Any) -> Steps:
    """Return steps that write next to nothing."""

    def papers(folder: Path, account: Any) -> Any:
        write_report(folder, account)
        return account

    given: dict[str, Any] = {
        "files": write_data, "styles": lambda *_: [], "read_back": lambda *_: [GOOD], "papers": papers, "report": write_report,
        "seal": lambda folder: (folder / "SHA256SUMS").write_text("", encoding="utf-8"), "register": lambda *_: None,
    }  # fmt: skip
    return Steps(**given | changes)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_sound_package_appears_whole(tmp_path: Path) -> None:
    plan, seen = workspace_at(tmp_path / "w"), []
    outcome = publish_package(
        plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps(), progress=lambda *told: seen.append(told)
    )
    assert outcome.is_passed
    assert outcome.folder == plan.root / PACKAGES / "toy_2026-09-30_1"
    assert tree(plan.root / PACKAGES) == [
        f"toy_2026-09-30_1/{name}" for name in ("SHA256SUMS", "data/toy.csv", "report.html", "report.json")
    ]
    assert [stage for stage, done, _ in seen if not done] == list(STAGES)
    assert [stage for stage, done, _ in seen if done] == list(STAGES)
    assert outcome.account.permissions[0]["document"] == "环发〔2026〕12号"
    assert outcome.account.package == "toy_2026-09-30_1"
    again = publish_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps())
    assert again.folder is not None
    assert again.folder.name == "toy_2026-09-30_2"


@pytest.mark.parametrize("name", PLANTS)
def test_each_planted_fault_keeps_the_package_in_the_house(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, toy = workspace_at(tmp_path / "w"), planted(name, tmp_path)
    shape = package.shape_layers
    monkeypatch.setattr(package, "gather", lambda *_: Gathered(toy.layers, toy.results, toy.setting))
    monkeypatch.setattr(package, "shape_layers", lambda *given: toy.tamper(shape(*given)))
    outcome = publish_package(plan, catalogue(), toy.profile, DAY, steps())
    _, wanted, place = PLANTS[name]
    failed = [check for check in outcome.account.checks if check.id == wanted and not check.is_passed]
    assert not outcome.is_passed
    assert any(check.where.startswith(place) for check in failed)
    assert tree(plan.root / PACKAGES) == [
        f"{REFUSED}/toy_2026-09-30_1/{name}" for name in ("report.html", "report.json")
    ]
    told = json.loads((plan.root / PACKAGES / REFUSED / "toy_2026-09-30_1" / "report.json").read_text(encoding="utf-8"))
    assert wanted in told["failed"]
    assert not told["verdict"]


def test_files_that_read_back_otherwise_are_deleted(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    bad = replace(GOOD, is_passed=False, got="2", expected="3")
    outcome = publish_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps(read_back=lambda *_: [bad]))
    assert not outcome.is_passed
    assert tree(plan.root / PACKAGES) == [
        f"{REFUSED}/toy_2026-09-30_1/{name}" for name in ("report.html", "report.json")
    ]


@pytest.mark.parametrize("step", ["files", "styles", "read_back", "papers", "seal"])
def test_a_step_that_raises_leaves_nothing(step: str, tmp_path: Path) -> None:
    def fail(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    plan = workspace_at(tmp_path / "w")
    with pytest.raises(OSError, match="No space"):
        publish_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps(**{step: fail}))
    assert tree(plan.root / PACKAGES) == []


def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    before = tree(plan.root)
    outcome = preview_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY)
    assert outcome.is_passed
    assert outcome.folder is None
    assert tree(plan.root) == before


# --- disclosure ---


def disclosed(permissions: str, text: str = PROFILE, day: dt.date = DAY, *, folder: Path) -> list[Check]:
    import tomllib

    read = read_permissions(tomllib.loads(permissions), catalogue())
    checks, _ = judge_disclosure(profile_of(text, folder), catalogue(), read, day)
    return [check for check in checks if not check.is_passed]


def test_nothing_leaves_without_a_permission(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w", permissions="")
    outcome = publish_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps())
    failed = [check for check in outcome.account.checks if check.id == "disclosure" and not check.is_passed]
    assert {check.where for check in failed} == {
        "DK (suspected_plot)", *(f"DK (suspected_plot) [{name}]" for name in (
            "DKBM=plot_code", "DKMC=plot_name", "DZ=address", "HYLX=trade", "LRRQ=listed_on", "LX=groundwater_flow_deg", "MJ=area_m2"))
    }  # fmt: skip
    assert all(check.got.startswith("internal；未经批准") for check in failed)
    assert tree(plan.root / PACKAGES) == [
        f"{REFUSED}/toy_2026-09-30_1/{name}" for name in ("report.html", "report.json")
    ]


@pytest.mark.parametrize(("change", "why"), [
    (("", ""), ""),
    (('receiver    = "toy"', 'receiver    = "自然资源和规划局"'), ""),
    (('receiver    = "toy"', 'receiver    = "农业农村局"'), "其他接收方"),
    (('receiver    = "toy"', ""), "其他接收方"),
    (("2026-09-01", "2026-10-01"), "有效"),
    (("2027-08-31", "2026-09-29"), "有效"),
    (('"shared"', '"public"'), ""),
    (('"suspected_plot"', '"priority_plot"'), "未经批准"),
])  # fmt: skip
def test_a_permission_holds_for_its_layer_receiver_and_days(change: tuple[str, str], why: str, tmp_path: Path) -> None:
    failed = disclosed(PERMISSION.replace(*change) if change[0] else PERMISSION, folder=tmp_path)
    assert bool(failed) == bool(why)
    assert all(why in check.got for check in failed)


def test_a_permission_for_a_narrower_circle_does_not_help(tmp_path: Path) -> None:
    failed = disclosed(PERMISSION, PROFILE.replace('audience = "shared"', 'audience = "public"'), folder=tmp_path)
    assert failed
    assert "其他接收方或范围" in failed[0].got


@pytest.mark.parametrize("day", [dt.date(2026, 9, 1), dt.date(2027, 8, 31)])
def test_its_first_and_last_day_count(day: dt.date, tmp_path: Path) -> None:
    assert not disclosed(PERMISSION, day=day, folder=tmp_path)


def test_a_list_of_fields_permits_no_others(tmp_path: Path) -> None:
    failed = disclosed(
        PERMISSION + 'fields = ["plot_code", "plot_name", "address", "trade", "listed_on", "area_m2"]\n',
        folder=tmp_path,
    )
    assert [check.where for check in failed] == ["DK (suspected_plot) [LX=groundwater_flow_deg]"]


def test_a_column_that_only_narrows_the_rows_counts(tmp_path: Path) -> None:
    text = PROFILE.replace('key      = ["DKBM"]', 'key      = ["DKBM"]\nwhere    = { holder = ["王某"] }')
    listed = 'fields = ["plot_code", "plot_name", "address", "trade", "listed_on", "area_m2", "groundwater_flow_deg"]\n'
    failed = disclosed(PERMISSION + listed, text, folder=tmp_path)
    assert [check.where for check in failed] == ["DK (suspected_plot) [where holder]"]


def test_a_field_narrower_than_its_layer_must_be_named(tmp_path: Path) -> None:
    shared = replace(catalogue().layers["suspected_plot"], disclosure="shared")
    narrow = replace(shared.fields["address"], disclosure="internal")
    fields = {**{n: replace(f, disclosure="shared") for n, f in shared.fields.items()}, "address": narrow}
    layers = {**catalogue().layers, "suspected_plot": replace(shared, fields=fields)}
    other = replace(catalogue(), layers=layers)
    import tomllib

    from geosys._faults import Faults
    from geosys.publish.profile_reading import read_profile

    profile_of(PROFILE, tmp_path)
    profile = read_profile(tmp_path / "layers" / "profiles" / "toy.toml", other, Faults())

    def failed(text: str) -> list[str]:
        checks, _ = judge_disclosure(profile, other, read_permissions(tomllib.loads(text), other), DAY)
        return [check.where for check in checks if not check.is_passed]

    assert failed("") == ["DK (suspected_plot) [DZ=address]"]
    assert failed(PERMISSION) == ["DK (suspected_plot) [DZ=address]"]
    assert failed(PERMISSION + 'fields = ["address"]\n') == []


@pytest.mark.parametrize(("change", "told"), [
    (('document    = "环发〔2026〕12号"', ""), "the key 'document'"),
    (('document    = "环发〔2026〕12号"', 'document    = " "'), "by which document"),
    (("suspected_plot", "suspectd_plot"), "Did you mean 'suspected_plot'"),
    (('"shared"', '"everybody"'), "an audience"),
    (("2027-08-31", "2026-08-31"), "not before approved_on"),
    (('receiver    = "toy"', 'recipient = "toy"'), "a known key"),
    (('receiver    = "toy"', 'fields = ["colour"]'), "a column of the layer"),
    (("2027-08-31", '"2027-08-31"'), "a date as"),
])  # fmt: skip
def test_a_permission_that_is_half_written_raises(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=told):
        disclosed(PERMISSION.replace(*change), folder=tmp_path)


# --- what a package is made of ---


def test_layers_and_issues_come_from_the_store(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    found = gather(plan, catalogue(), profile_of(PROFILE, tmp_path))
    assert found.layers["suspected_plot"].frame["plot_code"].tolist() == ["J3", "J1", "J2"]
    assert found.results is None
    assert found.setting.newer == ()
    assert found.setting.issues == {"suspected_plot": {}}


def write_run(folder: Path, version: str) -> None:
    """Write the results of a run over a version of the plots, with one finding."""
    out = folder / "out"
    out.mkdir()
    ran = findings()
    write_geopackage(out / "results.gpkg", {"findings": ran.findings}, "2026-09-30")
    (out / "outcomes.csv").write_text("rule,subject_id,outcome\n", encoding="utf-8")
    told = dict(ran.manifest) | {"layers": {"suspected_plot": {"version": version}}}
    (out / "manifest.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize("is_newer", [False, True])
def test_findings_of_an_older_version_are_noticed(tmp_path: Path, *, is_newer: bool) -> None:
    plan = workspace_at(tmp_path / "w")
    version = json.loads((plan.store / "suspected_plot" / "current.json").read_text(encoding="utf-8"))["version"]
    write_run(plan.root, "an older one" if is_newer else version)
    profile = profile_of(PROFILE + FINDINGS_LAYER, tmp_path)
    assert gather(plan, catalogue(), profile).setting.newer == (("疑似污染地块",) if is_newer else ())
    outcome = preview_package(plan, catalogue(), profile, DAY)
    stopping = {check.id for check in outcome.account.checks if check.stops and not check.is_passed}
    assert stopping == {"disclosure"} | (
        {"findings_current"} if is_newer else set()
    )  # of the findings: nobody permitted them
    assert outcome.account.run["as_of"] == "2026-09-30"
    assert outcome.account.shaped[1].frame["XSBH"].tolist() == ["F1", "F2"]


def test_issues_of_the_intake_are_counted(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    write_version(plan.store, plots(), key="a" * 64)
    rows = gpd.GeoDataFrame({"severity": ["critical", "error", "error"]}, geometry=[None] * 3, crs=CRS)
    write_issues(plan.store, "suspected_plot", "a" * 64, rows)
    outcome = preview_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY)
    failed = {check.id: check.got for check in outcome.account.checks if not check.is_passed}
    assert failed == {"source_critical": "1 critical", "source_errors": "2 error", "withheld_rows": "1 行 rows"}
    assert not outcome.is_passed


# --- the command, with files, styles, read-back, papers and signature as they are ---


def publish(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run a command of publishing as people type it and return what it printed."""
    from typer.testing import CliRunner

    from geosys.cli.publish_command import app

    done = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in folder.rglob("*") if path.is_file()}


def test_the_command_hands_over_a_layer_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    permissions = PERMISSION.replace('"toy"', '"generic"')
    plan = workspace_at(tmp_path / "w", permissions)
    given = ("package", "generic", "--layer", "suspected_plot", "--today", DAY.isoformat(), "--json")
    with pytest.raises(WorkspaceError, match="geosys publish key"):
        publish(plan.root, *given)
    seen = json.loads(publish(plan.root, *given, "--preview"))
    assert (seen["passed"], seen["folder"], seen["layers"]) == (True, "", {"suspected_plot": 3})
    publish(plan.root, "key")
    one, two = (json.loads(publish(plan.root, *given)) for _ in range(2))
    assert one["passed"]
    assert two["passed"]
    first, second = (plan.root / PACKAGES / f"generic_2026-09-30_{n}" for n in (1, 2))
    names = {path.name for path in first.iterdir()}
    assert {"data", "styles", "metadata", "report.html", "report.json", "dictionary.xlsx", "receipt.pdf", "manifest.json", "SHA256SUMS",
            "SHA256SUMS.sig", "public_key.pem"} <= names  # fmt: skip
    assert {path.suffix for path in (first / "data").rglob("*")} >= {".gdb", ".gpkg", ".shp", ".dbf", ".txt", ".xlsx"}
    differing = {name for name, digest in hashes(first / "data").items() if hashes(second / "data")[name] != digest}
    assert all(".gdb/" in name for name in differing), differing  # its items have identifiers drawn anew
    assert [check.is_passed for check in verify_package(first) if check.stops] == [True] * 6
    told = json.loads(publish(plan.root, "register", "--json"))
    assert [row["package"] for row in told["register"]] == [first.name, second.name]
    assert told["not_registered"] == []


def test_the_command_says_what_stops_a_package(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w", permissions="")
    given = ("package", "generic", "--layer", "suspected_plot", "--today", DAY.isoformat())
    printed = publish(plan.root, *given, "--preview", code=1)
    assert "不得交付 Must stay in the house" in printed
    assert "[disclosure] suspected_plot (suspected_plot)" in printed
    assert not (plan.root / PACKAGES).exists()
    publish(plan.root, "key")
    printed = publish(plan.root, *given, code=1)
    assert tree(plan.root / PACKAGES) == [
        f"{REFUSED}/generic_2026-09-30_1/{name}" for name in ("report.html", "report.json")
    ]
    report = (plan.root / PACKAGES / REFUSED / "generic_2026-09-30_1" / "report.html").read_text(encoding="utf-8")
    assert "suspected_plot" in report
    assert "[disclosure]" in report


def test_a_row_of_the_sharing_list_without_a_layer_says_which_is_lacking(tmp_path: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    printed = publish(plan.root, "package", "sharing_11_building_permits", "--preview", code=1)
    assert "建设工程规划许可证图层" in printed
    assert "A layer of building permits" in printed


def test_profiles_are_listed() -> None:
    from typer.testing import CliRunner

    from geosys.cli.publish_command import app

    rows = json.loads(CliRunner().invoke(app, ["profiles", "--json"]).stdout)
    assert len(rows) == 17
    assert next(row for row in rows if row["profile"] == "generic")["layers"] == "--layer"


# --- death and company ---

# One process loads the program and is forked for each package: stages to die at, or none.
CHILD = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    sys.path[:0] = [sys.argv[2]]
    import test_publish_package as t
    from publish_toy import DAY, PROFILE, catalogue, profile_of
    from geosys.publish.package import publish_package
    from geosys.workspace import read_workspace

    def make(fatal):
        def progress(stage, done, total):
            if stage == fatal and not done:
                os.kill(os.getpid(), signal.SIGKILL)
        publish_package(plan, catalogue(), profile, DAY, t.steps(), progress=progress)

    root = Path(sys.argv[1])
    plan, profile = read_workspace(root / "w", catalogue()), profile_of(PROFILE, root)
    children = []
    for fatal in sys.argv[3:]:
        children.append(os.fork())
        if not children[-1]:
            make(fatal)
            os._exit(0)
    print(*[os.waitpid(child, 0)[1] for child in children])
""")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows neither forks nor has SIGKILL")


def make_each(folder: Path, root: Path, *fatal: str) -> list[int]:
    """Make a package in a process of its own for each stage to die at; return how they ended."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(folder), str(root / "tests"), *fatal]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@posix
def test_death_at_any_stage_leaves_no_half_package(tmp_path: Path, root: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    stages = [stage for stage in STAGES if stage not in {"shaping", "disclosure"}]
    assert make_each(tmp_path, root, *stages) == [signal.SIGKILL] * len(stages)
    packages = plan.root / PACKAGES
    left = [path.name for path in packages.iterdir() if path.name not in {REFUSED, CLAIMS}]
    assert left
    assert all(name.endswith(PART) for name in left)
    assert list((packages / REFUSED).iterdir()) == []
    outcome = publish_package(plan, catalogue(), profile_of(PROFILE, tmp_path), DAY, steps())
    assert outcome.is_passed
    assert outcome.folder is not None
    assert {path.name for path in packages.iterdir()} == {outcome.folder.name, REFUSED, CLAIMS}
    assert list((packages / CLAIMS).iterdir()) == []


@posix
def test_packages_made_at_once_get_numbers_of_their_own(tmp_path: Path, root: Path) -> None:
    plan = workspace_at(tmp_path / "w")
    assert make_each(tmp_path, root, *["none"] * 6) == [0] * 6
    names = sorted(path.name for path in (plan.root / PACKAGES).glob("toy_*"))
    assert names == [f"toy_2026-09-30_{n}" for n in range(1, 7)]


def test_a_claim_is_not_taken_while_it_is_held(tmp_path: Path) -> None:
    with claimed(tmp_path, "a") as one, claimed(tmp_path, "a") as two:
        assert (one, two) == ("a_1", "a_2")
        assert (tmp_path / f"a_1{PART}").is_dir()
    assert not (tmp_path / f"a_1{PART}").exists()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="expected a folder to write to"), claimed(tmp_path / "file", "a"):
        pass
