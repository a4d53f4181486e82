"""How often somebody may ask: a bucket of tokens for each viewer and address, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Buckets:
    """Fill one bucket a key at a rate up to a depth; a request takes one token.

    The longest unused key is forgotten where there are too many, which can only be to its favour.
    """

    per_s: float
    depth: float
    most_keys: int = 10_000
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, key: str, now_s: float, cost: float = 1.0) -> float:
        """Take `cost` tokens of a key and return 0; where it has not that many, take none and return how long until it has.

        Examples
        --------
        >>> buckets = Buckets(per_s=2.0, depth=2.0)
        >>> [buckets.wait_s("a", 0.0) for _ in range(3)], buckets.wait_s("a", 0.5), buckets.wait_s("b", 0.0)
        ([0.0, 0.0, 0.5], 0.0, 0.0)
        """
        if self.per_s <= 0:
            return 0.0
        level, at = self._levels.pop(key, (self.depth, now_s))
        level = min(self.depth, level + max(now_s - at, 0.0) * self.per_s)
        wait = 0.0 if level >= cost else (cost - level) / self.per_s
        self._levels[key] = (level if wait else level - cost, now_s)
        while len(self._levels) > self.most_keys:
            self._levels.popitem(last=False)
        return wait
