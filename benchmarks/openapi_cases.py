"""Send thousands of made-up requests to the service and hold each answer to its OpenAPI document: `python benchmarks/openapi_cases.py`.

Schemathesis makes them from the document: right ones and wrong ones. No answer may be a fault of the server, and each must have a
status, type, headers and content that the document tells. Two rounds, each with a service of its own on a copy of the workspace:
the single user of this machine, who may edit, and somebody who is not logged in. Schemathesis is not installed with GeoSys:
``pip install schemathesis`` into an environment of its own, then name its program with ``--schemathesis``.

Three of its checks are not asked for, since the document cannot say what they want: `positive_data_acceptance` (a text may be no
filter, an ETag an old one), `negative_data_rejection` (OGC has a limit above the most cut, not refused) and
`missing_required_header` (428 is the answer to a change without If-Match; it knows only others). Of somebody who is not logged in,
`unsupported_method` neither: who would edit is told to log in (401), though the document, which is theirs, has no such method.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from services import environment, running

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability",
)  # fmt: skip
ROUNDS = {
    "local": ("fuzzing,stateful", 219),
    "nobody": ("coverage,fuzzing,stateful", 23),
}  # phases; operations of the sample county
ADMINISTRATOR = "four unrelated words together"
MADE = re.compile(r"(\d[\d,]*) generated")


def main() -> int:
    """Run both rounds and say how they ended."""
    parser = argparse.ArgumentParser(prog="openapi_cases", description="Hold the service to its OpenAPI document.")
    parser.add_argument("--workspace", type=Path, required=True, help="as of ./geo demo; it is copied")
    parser.add_argument("--cases", type=int, default=5_000, help="at least so many in the first round")
    parser.add_argument("--schemathesis", default=shutil.which("schemathesis") or "", help="its program")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    if not shutil.which(given.schemathesis):
        sys.exit(f"bench: got {given.schemathesis!r}, expected schemathesis. Install it and name it by --schemathesis")
    codes = []
    for name, (phases, operations) in ROUNDS.items():
        with tempfile.TemporaryDirectory(prefix="geosys-bench-") as folder:
            place = Path(folder) / "workspace"
            shutil.copytree(given.workspace, place, ignore=shutil.ignore_patterns("services", "accounts.sqlite*"))
            codes.append(run(name, place, phases, -(-given.cases * 11 // (operations * 10)), given))
    return max(codes)


def run(name: str, place: Path, phases: str, examples: int, given: argparse.Namespace) -> int:
    """Run one round and return its exit code; what schemathesis told stands in the output."""
    base = (sys.executable, "-m", "geosys")
    where = ("--workspace", str(place))
    if name == "nobody":
        asked = [*base, "users", "add", "admin", "--role", "administrator", *where]
        subprocess.run(asked, input=ADMINISTRATOR + "\n", text=True, check=True, env=environment(), capture_output=True)
    checks = [check for check in CHECKS if name == "local" or check != "unsupported_method"]
    with running(*base, "serve", *where, "--port", "0", "--rate", "0") as (port, _):
        command = [
            given.schemathesis, "run", f"http://127.0.0.1:{port}/api", "--checks", ",".join(checks), "--phases", phases,
            "--max-examples", str(examples), "--seed", str(given.seed), "--workers", "1", "--continue-on-failure", "--no-shrink",
        ]  # fmt: skip
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place.parent, env=clean)
    made = MADE.search(told.stdout)
    print(f"{name}: {made[1] if made else 'no'} cases, exit code {told.returncode}")
    print(
        told.stdout[told.stdout.rfind("= SUMMARY") :] if not told.returncode else told.stdout + told.stderr, flush=True
    )
    return told.returncode


if __name__ == "__main__":
    sys.exit(main())
