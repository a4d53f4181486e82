"""Which sections upstream show that the water was still good there: in the same month, by the same target, on as many items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geosys._text import Text
from geosys.traces.scene import column_of, is_gone

if TYPE_CHECKING:
    from geosys.traces.scene import Scene


def clean_sections(scene: Scene, failing: int) -> tuple[list[bool | None], list[Text]]:
    """Return for each section whether its water would pass at the one in question, and why that is so or not known.

    A section that meets a laxer target of its own says nothing: its class in the same month is held against the target of
    the section in question. One without results, of another month, judged by fewer items, or marked as suspect is not known.
    """
    frame, names = scene.layers[scene.spec.sections.layer].frame, scene.spec.results
    month, now, target, doubt = (
        column_of(frame, names[key]).tolist() for key in ("month", "class_now", "target", "doubt")
    )
    passes, count = (column_of(frame, names[key]).tolist() for key in ("passes", "items"))
    limit = target[failing]
    result: list[bool | None] = []
    why: list[Text] = []
    for row in range(len(frame)):
        value: bool | None = None
        if is_gone(now[row]) and is_gone(passes[row]):
            reason = Text("没有评价结果", "no result")
        elif not is_gone(doubt[row]) and bool(doubt[row]):
            reason = Text("数据存疑", "its data are suspect")
        elif not is_gone(month[failing]) and month[row] != month[failing]:
            reason = Text(
                f"结果为 {month[row]}，不是 {month[failing]}", f"its result is of {month[row]}, not of {month[failing]}"
            )
        elif not is_gone(limit) and not is_gone(now[row]):
            value = bool(now[row] <= limit)
            fewer = not is_gone(count[row]) and not is_gone(count[failing]) and count[row] < count[failing]
            reason = Text(
                f"{roman(now[row])}类，本断面目标{roman(limit)}类",
                f"class {roman(now[row])}, target here {roman(limit)}",
            )
            if value and fewer:
                value = None
                reason = Text(
                    f"只评价了 {count[row]} 项，少于本断面的 {count[failing]} 项",
                    f"judged by {count[row]} items only, here by {count[failing]}",
                )
        elif not is_gone(passes[row]) and not bool(passes[row]):
            value, reason = False, Text("不达标", "does not meet its target")
        else:
            reason = Text("只知是否达其自身目标，不足以判断", "only its own target is known, which does not tell")
        result.append(value)
        why.append(reason)
    return result, why


def roman(number: Any) -> str:
    """Return a class of water as it is printed."""
    words = ("", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")
    return words[int(number)] if 0 < int(number) < len(words) else str(number)
