"""Commands as people type them, run in the tests' own process."""

from __future__ import annotations

import pytest

from geosys.cli import main


def call(*arguments: str) -> int:
    """Run one command and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)
