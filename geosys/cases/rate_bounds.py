"""Between which bounds a share lies when some members are unknown: whatever they turn out to be."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from geosys.cases.rates import AMOUNT

if TYPE_CHECKING:
    import pandas as pd

IN_NUMERATOR, IN_REST, OUT = "n", "r", "o"  # what a member may turn out to be


def bounds(members: pd.DataFrame, value: str) -> tuple[Fraction | None, Fraction | None]:
    """Return the least and the greatest value that members can make, whatever the unknown ones turn out to be.

    Parameters
    ----------
    members
        With `may_be` and `amount` as in `RateResult`; no amount is negative, a NaN may be any.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"may_be": ["n", "r", "nr"], "amount": [1.0, 1.0, 2.0]})
    >>> bounds(rows, "share")
    (Fraction(1, 4), Fraction(3, 4))
    """
    if value == AMOUNT:
        sure = members["may_be"] == IN_NUMERATOR
        may = members["may_be"].str.contains(IN_NUMERATOR, regex=False).astype(bool)
        most = members.loc[may, "amount"]
        return _sum(members.loc[sure, "amount"].dropna()), None if most.isna().any() else _sum(most)
    least, greatest = _extreme(members, (IN_REST, OUT, IN_NUMERATOR)), _extreme(members, (IN_NUMERATOR, OUT, IN_REST))
    return least if least is not None else greatest, greatest if greatest is not None else least


def _extreme(members: pd.DataFrame, liking: tuple[str, str, str]) -> Fraction | None:
    """Return the share when each member is what is liked most of what it may be; None when nobody is left."""
    first, _, last = liking
    chosen = members["may_be"].map(lambda letters: next(c for c in liking if c in letters)).to_numpy(dtype=object)
    missing = members["amount"].isna().to_numpy(dtype=bool)
    if bool((missing & (chosen == first)).any()):  # as large as one likes: it drowns the rest
        return Fraction(1 if first == IN_NUMERATOR else 0)
    amount = members["amount"].fillna(0.0)
    parts = {c: _sum(amount[chosen == c]) for c in (first, last)}
    total = parts[first] + parts[last]
    return parts[IN_NUMERATOR] / total if total else None


def _sum(amounts: pd.Series) -> Fraction:
    return Fraction(math.fsum(amounts))
