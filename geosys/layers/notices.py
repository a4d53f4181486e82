"""What a library murmurs while it reads a file, kept as issues instead of lost on the screen."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from geosys._text import Text
from geosys.layers.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_NOTICES = 50
MOST_LETTERS = 300
_HARMLESS = ("winding order",)
_HEARD = (UserWarning, RuntimeWarning)


@contextmanager
def library_notices(path: Path) -> Iterator[list[Issue]]:
    """Gather the warnings of reading a file as issues `reader_warning`, each text once; the list fills at the end.

    A value that GDAL cuts (``'2.50p0' parsed incompletely to real 2.5``) or a ring that is not closed would otherwise
    pass as right. Warnings about code, such as deprecations, go on as they were.
    """
    found: list[Issue] = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield found
    texts: dict[str, None] = {}
    for warning in heard:
        if issubclass(warning.category, _HEARD):
            texts[without_folders(str(warning.message), path)[:MOST_LETTERS]] = None
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    found += [_issue(text) for text in list(texts)[:MOST_NOTICES]]
    if len(texts) > MOST_NOTICES:
        found.append(_issue(f"… {len(texts) - MOST_NOTICES} more"))


def without_folders(text: str, path: Path) -> str:
    """Return a text on one line in which the file stands by its name only: where it was unpacked is nobody's business."""
    text = text.replace(f"{path.parent.as_posix()}/", "").replace(f"{path.parent}\\", "")
    return re.sub(r"[^\s'\"]*geosys-\w+[/\\]", "", " ".join(text.split()))


def _issue(text: str) -> Issue:
    severity = "notice" if any(word in text for word in _HARMLESS) else ""
    zh = f"读取时程序库提示：{text}"
    en = f"The library that reads the file says: {text}"
    return Issue("reader_warning", Text(zh, en), before=text, severity=severity)
