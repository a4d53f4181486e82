"""What the rooms hold together: all content of one program version, read and checked as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.cases.rules import RuleBook, read_rules
from geosys.layers.spec import Catalogue, read_catalogue
from geosys.views import offices_of, schemas_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Content:
    """Hold all content of one program version: layers, codes, issue types, rules and legal basis."""

    catalogue: Catalogue
    book: RuleBook


def read_content(root: Path | None = None) -> Content:
    """Read and validate all content (default: what came with GeoSys).

    Raises
    ------
    SpecError
        With every fault of every file.
    """
    catalogue = read_catalogue(root)
    return Content(catalogue, read_rules(catalogue.root, schemas_of(catalogue), offices_of(catalogue)))
