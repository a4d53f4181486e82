#!/usr/bin/env python3
"""Set GeoSys up in .venv, then run it: `./geo demo`, `./geo test`, or any other word of its command line.

It needs nothing but Python's standard library, and any Python from 3.8 on can run it: one that is too old or
too new for GeoSys finds a fitting one on the machine, or says what to install. On Windows: `python geo demo`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = ROOT / ".geo" / "installed.json"
LOCK = ROOT / ".geo" / "lock"
LOG = ROOT / ".geo" / "install.log"
WINDOWS = sys.platform == "win32"
SUPPORTED = ("3.13", "3.12", "3.11")
HALF_DONE = "half done"
BENCHMARKS = ("overlay", "nearest", "changes", "intake", "grade", "tracing", "cases", "maps", "services")
ISO_SCHEMAS = "ckanext-iso19115"  # only its .xsd files are read, by the tests: nothing that it needs comes with it

# Other GIS software points these at its own PROJ, GDAL and Python; pip's would install elsewhere.
FOREIGN = {"PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX"}

HELP = """\
usage: ./geo WORD [OPTIONS]        on Windows: python geo WORD [OPTIONS]

  demo   draw the sample county and run the main job on it: map, findings and issues
  bench  compare with other engines: bench overlay | nearest | changes | intake | grade | tracing | cases | maps | services; --help explains each
  test   run linter, type checker and test-suite; what follows the word goes to pytest
  WORD   any other word goes to the command line of GeoSys; ./geo WORD --help explains it

The first run installs into .venv beside this file, later runs start at once.
"""


def main(words: Sequence[str]) -> int:
    """Install what the first word needs, run it, and return its exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if words[0] == "test":
        install(["test"])
        install_system()
        return run_tests(words[1:])
    if words[0] == "bench":
        return run_benchmark(words[1:])
    install([])
    return call([str(venv_python()), "-P", "-m", "geosys", *words])


def run_tests(options: Sequence[str]) -> int:
    """Run linter, formatter, type checker and tests in that order; stop at the first that fails."""
    for step in (
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "pytest -q -n 3 --dist loadfile --no-loadscope-reorder",
    ):
        say(step)
        more = options if step.startswith("pytest") else ()
        code = call([str(venv_python()), "-m", *step.split(), *more], cwd=ROOT)
        if code:
            say(f"{step}: failed with exit code {code}")
            return code
    return 0


def run_benchmark(words: Sequence[str]) -> int:
    """Run one of the benchmarks, with the engines that it compares with."""
    if not words or words[0] not in BENCHMARKS:
        fail(f"bench: got {' '.join(words[:1]) or 'no name'}, expected one of: {', '.join(BENCHMARKS)}")
    install(["bench"])
    return call([str(venv_python()), str(ROOT / "benchmarks" / f"{words[0]}.py"), *words[1:]])


def say(text: str) -> None:
    """Tell the person who waits; standard output belongs to the command that runs."""
    sys.stderr.write(f"geo: {text}\n")
    sys.stderr.flush()


def fail(text: str) -> NoReturn:
    """End with a message and exit code 2: wrong use or a failure."""
    say(text)
    raise SystemExit(2)


def call(command: list[str], cwd: Path | None = None) -> int:
    """Run a command in our environment and return its exit code; a signal counts as 128 plus its number."""
    process = subprocess.Popen(command, cwd=cwd, env=environment())
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the command got the same Ctrl-C and ends by itself
            code = process.wait()
            return code if code >= 0 else 128 - code


def environment() -> dict[str, str]:
    """Return the environment of every child: UTF-8, and nothing that other software set for itself."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**kept, "PYTHONUTF8": "1", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def ask(*command: str) -> tuple[int, str]:
    """Run a short command unseen and return its exit code and what it printed."""
    answer = subprocess.run(command, env=environment(), capture_output=True, check=False)
    return answer.returncode, answer.stdout.decode("utf-8", "replace")


def venv_python() -> Path:
    """Return the interpreter of .venv."""
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def install(extras: list[str]) -> None:
    """Make .venv hold this project and its pinned packages; do nothing when it does already."""
    if is_installed(extras):
        return
    with locked():
        if is_installed(extras):  # another run did it while this one waited
            return
        began = time.monotonic()
        stamp = read_stamp()
        wanted = sorted({*extras, *stamp.get("extras", [])})
        # Until all is done; then what an interrupted pip left behind is not trusted.
        STAMP.write_text(json.dumps({"state": HALF_DONE, "extras": wanted}), encoding="utf-8")
        has_pip = is_usable() and ask(str(venv_python()), "-m", "pip", "--version")[0] == 0
        if not has_pip or stamp.get("state") == HALF_DONE:
            python, version = find_python()
            watch(f"making .venv with Python {version}", [*python, "-m", "venv", "--clear", str(VENV)])
        # Build steps get pinned packages too: by the first variable up to pip 25.2, by the second from 25.3.
        # pip splits both at blanks, so the file is named as seen from ROOT.
        pins = " ".join([*os.environ.get("PIP_CONSTRAINT", "").split(), "constraints.txt"])
        pip = [str(venv_python()), "-m", "pip", "install", "--no-input", "-c", "constraints.txt"]
        project = f".[{','.join(wanted)}]" if wanted else "."
        watch("installing packages", [*pip, "-e", project], PIP_CONSTRAINT=pins, PIP_BUILD_CONSTRAINT=pins)
        if "test" in wanted:
            watch("installing the schemas of ISO 19115-3", [*pip, "--no-deps", ISO_SCHEMAS])
        STAMP.write_text(json.dumps({"state": state(), "extras": wanted}), encoding="utf-8")
        say(f"installed in {time.monotonic() - began:.0f} s")


def is_installed(extras: list[str]) -> bool:
    """Tell whether .venv was completed for these files, this place and at least these extras."""
    stamp = read_stamp()
    return is_usable() and stamp.get("state") == state() and set(extras) <= set(stamp.get("extras", []))


def read_stamp() -> dict[str, Any]:
    """Return what the last install wrote down, or nothing."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        return {}


def state() -> str:
    """Return a hash of all that decides what .venv must hold, of its place, and of when it was made."""
    digest = hashlib.sha256(f"{ROOT} {(VENV / 'pyvenv.cfg').stat().st_mtime_ns}".encode())
    digest.update((ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes())
    return digest.hexdigest()


def is_usable() -> bool:
    """Tell whether .venv is of a supported Python that is still on the machine."""
    try:
        text = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    entries = dict(re.findall(r"(?m)^(\S+) *= *(.*?) *$", text))
    supported = entries.get("version", "").startswith(tuple(f"{version}." for version in SUPPORTED))
    return supported and venv_python().exists() and Path(entries.get("home", "")).is_dir()


def find_python() -> tuple[list[str], str]:
    """Return the command and version of a Python that fits: the running one if it does."""
    named = [["py", f"-{version}"] if WINDOWS else [f"python{version}"] for version in SUPPORTED]
    unfit = []
    for command in ([sys.executable], *named):
        version, has_venv = probe_python(command)
        if version in SUPPORTED and has_venv:
            return command, version
        if version:
            unfit.append(f"{' '.join(command)} is {version}{'' if has_venv else ' without its venv module'}")
    fail(
        f"no Python that fits was found ({'; '.join(unfit)}). Install Python 3.11, 3.12 or 3.13 "
        "(Debian and Ubuntu: apt-get install python3 python3-venv) and run this again."
    )


def probe_python(command: list[str]) -> tuple[str, bool]:
    """Return the version of a Python, '' where there is none, and whether it can make environments."""
    if not shutil.which(command[0]):
        return "", False
    code = "import sys; print('%d.%d' % sys.version_info[:2]); import ensurepip, venv; print('venv')"
    words = ask(*command, "-c", code)[1].split()
    return (words[0] if words else ""), "venv" in words


def watch(title: str, command: list[str], **variables: str) -> None:
    """Run a long command with its words in LOG, show how long and at what it is; end when it fails."""
    say(title)
    began = time.monotonic()
    env = {**environment(), **variables}
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.5 if sys.stderr.isatty() else 10)
            show_progress(time.monotonic() - began, is_over=process.returncode is not None)
    if process.returncode:
        say("".join(["...\n", *log_lines()[-12:]]).rstrip())
        fail(f"{title}: failed with exit code {process.returncode}; all it said is in {LOG}")


def show_progress(seconds: float, *, is_over: bool) -> None:
    """Show elapsed seconds and the last line of LOG: in place on a terminal, else as a line of its own."""
    text = "" if is_over else f"{seconds:4.0f} s  {''.join(log_lines()[-1:]).strip()}"[:78]
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:<78}\r")
        sys.stderr.flush()
    elif text:
        say(text)


def log_lines() -> list[str]:
    """Return what the running or last long command said."""
    return LOG.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let one run install at a time; the lock ends with the process that holds it, however that ends."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("ab") as file:
        is_free, is_told = False, False
        while not is_free:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_free = True
            except (BlockingIOError, PermissionError):  # on Windows the second
                if not is_told:
                    say("another run is installing; waiting for it")
                is_told = True
                time.sleep(0.5)
        yield


def install_system() -> None:
    """Install the missing system packages where that needs no password, else name them and go on."""
    missing = missing_system()
    apt = apt_get() if missing else []
    if apt:
        with locked(), contextlib.suppress(SystemExit):  # the tests go on without
            watch("looking up system packages", [*apt, "update"])
            known = ask("apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$")[1]
            versions = re.findall(r"(?m)^postgresql-(\d+)-", known)
            postgis = f"postgresql-{max(map(int, versions), default=15)}-postgis-3"
            packages = [package or postgis for package in missing.values()]
            watch(f"installing {' '.join(packages)}", [*apt, "install", "--no-install-recommends", *packages])
        missing = missing_system()
    if missing:
        say(f"not on this machine: {', '.join(missing)}; the tests that need them are skipped and say so")


def missing_system() -> dict[str, str]:
    """Return what the tests need and the machine lacks, each with Debian's package ('': its name varies)."""
    browsers = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
    postgis = {path.parts[-3] for path in Path("/usr/share/postgresql").glob("*/extension/postgis.control")}
    servers = {path.parts[-3] for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")}
    needs = (
        ("Chromium", "chromium", any(map(shutil.which, browsers))),
        ("Chinese fonts", "fonts-noto-cjk", any(Path("/usr/share/fonts").rglob("NotoSansCJK*"))),
        ("pdftotext", "poppler-utils", shutil.which("pdftotext")),
        ("MapServer", "cgi-mapserver", shutil.which("mapserv")),
        ("ogrinfo", "gdal-bin", shutil.which("ogrinfo")),
        ("PostgreSQL with PostGIS", "", postgis & servers),
    )
    return {name: package for name, package, found in needs if not found}


def apt_get() -> list[str]:
    """Return apt-get as root without a password; nothing where that cannot be."""
    if sys.platform == "win32" or not shutil.which("apt-get"):
        return []
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (not shutil.which("sudo") or ask(*sudo, "true")[0]):
        return []
    return [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy", "-oDPkg::Lock::Timeout=120"]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell reports Ctrl-C
