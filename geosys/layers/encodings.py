"""Judge in which encoding a table's texts are: by their bytes and by how likely each reading is, never by hints alone."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys._errors import DeliveryError
from geosys._text import Text
from geosys.layers.likelihood import Likelihood, likelihood_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

# What people and files call the candidates. ANSI, OEM and 1252 say no more than "the machine's own", and count as silence.
_FAMILIES = {
    "UTF-8": r"utf-?_?8(-?sig)?|65001",
    "GB18030": r"(ansi ?)?(cp|ms|windows-?)?936|gbk|gb_?2312(-80)?|gb-?18030|54936|euc-?cn|hz|ldid/77|0x4d|0x7a",
    "Big5": r"(ansi ?)?(cp|ms|windows-?)?950|big-?5(-?hkscs)?|0x4f|0x78",
}
_CODECS = {"UTF-8": ("utf-8",), "GB18030": ("gb18030",), "Big5": ("cp950", "big5hkscs")}
_STATE_AS = {"UTF-8": "utf-8", "GB18030": "gb18030", "Big5": "big5"}
_EURO = 0x80  # the euro sign of Windows' code page 936, which no standard of GB knows
_CLEAR = 8.0  # odds of three thousand to one
_CLEAR_WITH_HINT = 2.3  # ten to one, where a hint names the same
_LEAST_PER_LETTER = -13.2  # below this even the best reading is no Chinese
_MOST_TEXTS = 2000  # so many are weighed; all are decoded
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """Hold one reading of all texts: how many do not decode, how likely the others are, and a sample."""

    name: str
    codec: str
    failures: int
    likelihood: Likelihood
    sample: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold the encoding of a table.

    Attributes
    ----------
    encoding
        The name of the codec that decodes the texts (`decode_bytes`).
    evidence
        Why, in both languages, with counts.
    ranking
        All candidates, the likeliest first.
    contradicted
        The hints that name another encoding than the bytes do, as `.cpg = UTF-8`.
    is_ascii
        Whether there was nothing to judge: every encoding reads these texts alike.
    is_unstated
        Whether no hint says anything about the encoding.
    """

    encoding: str
    evidence: Text
    ranking: tuple[Candidate, ...] = ()
    contradicted: tuple[str, ...] = ()
    is_ascii: bool = False
    is_unstated: bool = False


def family_of(name: str) -> str | None:
    """Return which candidate a stated encoding means, or None where it means another or none.

    Examples
    --------
    >>> family_of("ANSI 936"), family_of("utf8"), family_of("Big5"), family_of("ANSI 1252")
    ('GB18030', 'UTF-8', 'Big5', None)
    """
    folded = name.strip().lower()
    return next((family for family, pattern in _FAMILIES.items() if re.fullmatch(pattern, folded)), None)


def check_known(encoding: str, name: str) -> None:
    """Raise a `DeliveryError` for a file whose plan states an encoding that does not exist."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DeliveryError(
            f"{name}: got the encoding '{encoding}', expected one that is known. Write 'gb18030' or 'utf-8'."
        ) from None


def decode_bytes(raw: bytes, codec: str, *, is_full: bool = False) -> str:
    r"""Return the text of some bytes; of a value that fills its field a letter cut in the middle is left out.

    Raises
    ------
    UnicodeDecodeError
        When the bytes are not of this encoding.

    Examples
    --------
    >>> decode_bytes("大清沟".encode("gb18030")[:5], "gb18030", is_full=True)
    '大清'
    >>> decode_bytes(b"5\x80", "gb18030")
    '5€'
    """
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        if codec == "gb18030" and raw[error.start] == _EURO:
            rest = decode_bytes(raw[error.start + 1 :], codec, is_full=is_full)
            return f"{raw[: error.start].decode(codec)}€{rest}"
        if not is_full:
            raise
    try:
        decoder = codecs.getincrementaldecoder(codec)("strict")
    except LookupError:
        return raw.decode(codec)
    return decoder.decode(raw, final=False)


def decode_data(
    data: bytes, name: str, stated: str | None, words: Collection[str], hints: Mapping[str, str] | None = None
) -> tuple[str, Verdict]:
    """Return the text of a whole file (CSV, TXT, JSON) and the verdict on its encoding; a byte-order mark is taken off.

    Raises
    ------
    DeliveryError
        When the stated encoding is unknown or does not fit, or the bytes fit none or several (`encoding_unclear`).
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DeliveryError(
            f"{name}: got a file that begins as UTF-16, expected UTF-8 or GB18030. Save it as UTF-8 and send it again."
        )
    has_mark = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if has_mark else data
    # None of these marks is a second byte in any of the candidates.
    cells = {(cell, False) for cell in re.split(rb"[\r\n\t,;\x22]+", body)}
    verdict = judge_encoding(cells, hints or {}, words, name=name, stated=stated or ("utf-8" if has_mark else None))
    return decode_bytes(body, verdict.encoding), verdict


def judge_encoding(
    cells: Iterable[tuple[bytes, bool]],
    hints: Mapping[str, str],
    words: Collection[str],
    *,
    name: str = "text",
    stated: str | None = None,
) -> Verdict:
    """Return the encoding of a table's texts, judged on the bytes and on how likely each reading is.

    Parameters
    ----------
    cells
        Names and values as bytes, each with whether it fills its field (and may have lost half a letter).
    hints
        What the delivery says of itself, as `{".cpg": "GBK", "language byte": "0x4D"}`.
    words
        The names by which the layer's fields are known.
    name
        The file, for messages.
    stated
        The encoding that the plan states; it is taken where all texts decode.

    Raises
    ------
    DeliveryError
        With issue type `encoding_unclear`, when the texts fit no candidate, or two about equally well.
    """
    if stated is not None:
        check_known(stated, name)
    texts = sorted({(raw, is_full) for raw, is_full in cells if not raw.isascii()})
    told = {hint: said for hint, said in hints.items() if family_of(said)}
    if not texts and stated is None:
        evidence = Text("全部为 ASCII 字符，任何编码读法都相同", "plain ASCII: every encoding reads it alike")
        return Verdict("UTF-8", evidence, is_ascii=True, is_unstated=not told)
    family = family_of(stated) if stated else None
    names = [family] if family else list(_CODECS)
    ranking = _rank(texts, words, names if family or not stated else [stated])
    best = ranking[0]
    if best.failures:
        raise _unfit(name, ranking, len(texts))
    if stated is None:
        _refuse_close_calls(name, ranking, {family_of(said) for said in told.values()})
    contradicted = tuple(f"{hint} = {said}" for hint, said in told.items() if texts and family_of(said) != best.name)
    evidence = _evidence(ranking, len(texts), told, stated)
    return Verdict(best.codec, evidence, ranking, contradicted, is_ascii=not texts, is_unstated=not (told or stated))


def _rank(texts: Sequence[tuple[bytes, bool]], words: Collection[str], names: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the candidates: those that decode everything first, the likelier before the others."""
    step = max(1, len(texts) // _MOST_TEXTS)
    found = []
    for name in names:
        tries = [(codec, _decode_all(texts, codec)) for codec in _CODECS.get(name, (name,))]
        codec, decoded = min(tries, key=lambda one: sum(text is None for text in one[1]))
        failures = sum(text is None for text in decoded)
        whole = [text for text in decoded if text is not None]
        likelihood = likelihood_of(whole[::step], words)
        shown = sorted(whole, key=lambda text: text.isascii())[:_SHOWN]
        found.append(Candidate(name, codec, failures, likelihood, "、".join(text[:12] for text in shown)))
    return tuple(sorted(found, key=lambda c: (c.failures > 0, c.failures or -c.likelihood.log)))


def _decode_all(texts: Sequence[tuple[bytes, bool]], codec: str) -> list[str | None]:
    found: list[str | None] = []
    for raw, is_full in texts:
        try:
            found.append(decode_bytes(raw, codec, is_full=is_full))
        except UnicodeDecodeError:
            found.append(None)
    return found


def _refuse_close_calls(name: str, ranking: Sequence[Candidate], hinted: Collection[str | None]) -> None:
    best, *others = ranking
    rivals = [c for c in others if not c.failures]
    need = _CLEAR_WITH_HINT if best.name in hinted else _CLEAR
    is_close = any(best.likelihood.log - c.likelihood.log < need for c in rivals)
    is_strange = best.name != "UTF-8" and best.likelihood.per_letter < _LEAST_PER_LETTER
    if not is_close and not is_strange:
        return
    shown = [best, *rivals] if is_close else ranking[:1]
    readings = " or ".join(f"{c.name} ('{c.sample}')" for c in shown)
    keys = " or ".join(f'encoding = "{_STATE_AS[c.name]}"' for c in shown)
    why = f"may be {readings}" if is_close else f"would read '{best.sample}' in {best.name}, which is hardly Chinese"
    raise _unclear(
        f"{name}: got texts that {why}, expected one clear encoding. "
        f"Look at the samples and write {keys} for this delivery, or ask the sender which it is."
    )


def _unfit(name: str, ranking: Sequence[Candidate], count: int) -> DeliveryError:
    counts = " nor ".join(f"{c.name} ({c.failures} of {count} do not decode)" for c in ranking)
    order = sorted(ranking, key=lambda c: list(_CODECS).index(c.name) if c.name in _CODECS else 0)
    counts = " nor ".join(f"{c.name} ({c.failures} of {count} do not decode)" for c in order)
    return _unclear(
        f"{name}: got texts that are not {counts}, expected one encoding throughout. "
        "Name it with 'encoding', or ask for the file again."
    )


def _unclear(message: str) -> DeliveryError:
    error = DeliveryError(message)
    error.issue_type = "encoding_unclear"
    return error


def _evidence(ranking: Sequence[Candidate], count: int, told: Mapping[str, str], stated: str | None) -> Text:
    best, *others = ranking
    found = best.likelihood
    rivals_zh = [f"{c.name} {_against_zh(c, best)}" for c in others]
    rivals_en = [f"{c.name} {_against_en(c, best)}" for c in others]
    hints = ", ".join(f"{hint} = {said}" for hint, said in told.items())
    by_zh, by_en = ("按计划的写法", "as the plan states") if stated else ("按字节判断", "judged on the bytes")
    zh = (
        f"{best.name}（{by_zh}）：{count} 条非 ASCII 文字全部可解，{found.letters} 字中常用字 {found.frequent}、"
        f"生僻或异常字 {found.odd}、认得的词 {found.words}；提示：{hints or '无'}"
    )
    en = (
        f"{best.name} ({by_en}): all {count} non-ASCII texts decode; of {found.letters} letters {found.frequent} frequent, "
        f"{found.odd} rare or odd, {found.words} known words; hints: {hints or 'none'}"
    )
    return Text("；".join([zh, *rivals_zh]), "; ".join([en, *rivals_en]))


def _against_zh(candidate: Candidate, best: Candidate) -> str:
    if candidate.failures:
        return f"有 {candidate.failures} 条解不开"
    return f"读作“{candidate.sample}”，可能性低 e^{best.likelihood.log - candidate.likelihood.log:.0f} 倍"


def _against_en(candidate: Candidate, best: Candidate) -> str:
    if candidate.failures:
        return f"fails on {candidate.failures}"
    return f"would read '{candidate.sample}', e^{best.likelihood.log - candidate.likelihood.log:.0f} times less likely"
