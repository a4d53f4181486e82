"""Digests of 128 bits over the bytes of features, and the search among millions of them.

Below 64 bytes the digest is MurmurHash3 (x64, 128 bits), written anew; four lanes before it take what is longer. Two
contents meet by chance with 1 in 3·10³⁸; it is no guard against someone who wants two contents to meet.

Source: A. Appleby, MurmurHash3 (public domain): the constants, the mixing and the test values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geosys.geo.flat.compiled import compiled

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

FEW = 512  # features are not worth a thread of their own

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_ADD1, _ADD2, _FIVE = np.uint64(0x52DCE729), np.uint64(0x38495AB5), np.uint64(5)
_M1, _M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_1, _2, _3, _4 = (np.uint64(places) for places in (1, 2, 3, 4))
_27, _31, _33, _63, _64 = (np.uint64(bits) for bits in (27, 31, 33, 63, 64))


def digests_of(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    seeds: NDArray[np.uint64] | None = None,
    pool: Executor | None = None,
    threads: int = 1,
) -> NDArray[np.uint64]:
    """Return the digest of each stretch of a buffer, shape (n, 2).

    Parameters
    ----------
    data
        All bytes.
    offsets
        Where each stretch begins, shape (n + 1,); it ends where the next begins.
    seeds
        64 bits that belong to each stretch, shape (n,): equal bytes with other seeds have other digests.
    pool, threads
        Threads to spread the work over (default: this one).
    """
    n = len(offsets) - 1
    found = np.empty((n, 2), dtype=np.uint64)
    seeds = np.zeros(n, dtype=np.uint64) if seeds is None else seeds
    words = data[: len(data) // 8 * 8].view(np.uint64)
    if pool is None or n < FEW:
        _digests(0, n, data, words, offsets, seeds, found)
        return found
    cuts = np.searchsorted(offsets, np.linspace(offsets[0], offsets[-1], threads + 1))
    cuts[0], cuts[-1] = 0, n
    jobs = [
        pool.submit(_digests, first, last, data, words, offsets, seeds, found)
        for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    ]
    for job in jobs:
        job.result()
    return found


def digest_of(data: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint64]:
    """Return the digest of one buffer, shape (2,)."""
    offsets, seeds = np.array([0, len(data)], dtype=np.int64), np.array([seed], dtype=np.uint64)
    return digests_of(data, offsets, seeds).reshape(2)


def places_of(known: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the table in which `find` looks digests up, the shape (n, 2) of which is that of `known`."""
    slots = np.full(1 << max(4, int(2 * len(known)).bit_length()), -1, dtype=np.int32)
    _fill_places(known, slots)
    return slots


def find(known: NDArray[np.uint64], places: NDArray[np.int32], asked: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each digest asked for the first row of `known` that is equal in all 128 bits, −1 where none is."""
    found = np.empty(len(asked), dtype=np.int64)
    _find(known, places, asked, found)
    return found


@compiled
def _turn(value, bits):  # type: ignore[no-untyped-def]
    return (value << bits) | (value >> (_64 - bits))


@compiled
def _take(one, two, a, b):  # type: ignore[no-untyped-def]
    """Return the state after 16 more bytes."""
    one = (_turn(one ^ (_turn(a * _C1, _31) * _C2), _27) + two) * _FIVE + _ADD1
    two = (_turn(two ^ (_turn(b * _C2, _33) * _C1), _31) + one) * _FIVE + _ADD2
    return one, two


@compiled
def _mix(value):  # type: ignore[no-untyped-def]
    """Let every bit of a word change each of its bits in one of two cases."""
    value = (value ^ (value >> _33)) * _M1
    value = (value ^ (value >> _33)) * _M2
    return value ^ (value >> _33)


@compiled
def _word(data, at, last):  # type: ignore[no-untyped-def]
    """Return the 64-bit word at any byte, zeros from `last` on."""
    word = np.uint64(0)
    for k in range(min(last - at, 8)):
        word |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return word


@compiled
def _digests(begin, stop, data, words, offsets, seeds, found):  # type: ignore[no-untyped-def]
    """Fill the digests of the stretches begin … stop; `words` are the bytes as 64-bit words.

    Stretches of 64 bytes and more go through four lanes first, 32 bytes a round, as one lane would wait for itself.
    Each word enters two lanes; the lanes are then taken as the first 32 bytes of what is left.
    """
    for i in range(begin, stop):
        at, last = offsets[i], offsets[i + 1]
        size = last - at
        one, two = seeds[i], seeds[i]
        if size >= 64:
            a, b, c, d = one + _C1, one ^ _C2, one, one - _C1
            k, bits = np.uintp(at >> 3), np.uint64(8 * (at & 7))
            rest = _63 - bits
            v = words[k]
            for _ in range(min((last - at) >> 5, (len(words) - (at >> 3) - 1) >> 2)):
                w, x, y, z = words[k + _1], words[k + _2], words[k + _3], words[k + _4]
                p, q = (v >> bits) | (w << _1 << rest), (w >> bits) | (x << _1 << rest)
                r, s = (x >> bits) | (y << _1 << rest), (y >> bits) | (z << _1 << rest)
                a, b = _turn(a + p * _C2, _31) * _C1 + q, _turn(b + q * _C2, _31) * _C1 + p
                c, d = _turn(c + r * _C2, _31) * _C1 + s, _turn(d + s * _C2, _31) * _C1 + r
                k, v = k + _4, z
                at += 32
            while at + 32 <= last:  # at the end of the buffer the next word may be cut off
                p, q = _word(data, at, last), _word(data, at + 8, last)
                r, s = _word(data, at + 16, last), _word(data, at + 24, last)
                a, b = _turn(a + p * _C2, _31) * _C1 + q, _turn(b + q * _C2, _31) * _C1 + p
                c, d = _turn(c + r * _C2, _31) * _C1 + s, _turn(d + s * _C2, _31) * _C1 + r
                at += 32
            one, two = _take(one, two, a, b)
            one, two = _take(one, two, c, d)
        while at + 16 <= last:
            one, two = _take(one, two, _word(data, at, last), _word(data, at + 8, last))
            at += 16
        one ^= _turn(_word(data, at, last) * _C1, _31) * _C2
        two ^= _turn(_word(data, min(at + 8, last), last) * _C2, _33) * _C1
        one, two = one ^ np.uint64(size), two ^ np.uint64(size)
        one += two
        two += one
        one, two = _mix(one), _mix(two)
        one += two
        two += one
        found[i, 0], found[i, 1] = one, two
    return 0


@compiled
def _fill_places(known, slots):  # type: ignore[no-untyped-def]
    """Put each row into the first free slot from that of its digest; of equal digests the first row stands first."""
    last = len(slots) - 1
    for i in range(len(known)):
        slot = np.int64(known[i, 0] & np.uint64(last))
        while slots[slot] >= 0:
            slot = (slot + 1) & last
        slots[slot] = i
    return 0


@compiled
def _find(known, slots, asked, found):  # type: ignore[no-untyped-def]
    last = len(slots) - 1
    for i in range(len(asked)):
        slot = np.int64(asked[i, 0] & np.uint64(last))
        found[i] = -1
        while slots[slot] >= 0:
            row = slots[slot]
            if known[row, 0] == asked[i, 0] and known[row, 1] == asked[i, 1]:
                found[i] = row
                break
            slot = (slot + 1) & last
    return 0
