"""Counter-based random numbers: each number is a function of where it is used, so all engines draw the same numbers.

Philox-4x32-10 (Salmon, Moraes, Dror and Shaw, 2011) maps a counter of four 32-bit integers and a key of two to four
random 32-bit integers. The key is the seed. The counter is (unit / 4, row, step, 16 · layer + purpose).
There is no sequence of draws, so results do not depend on threads, on earlier batches, or on where a run was resumed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.types import Booleans, Floats, Indices

Words: TypeAlias = npt.NDArray[np.uint32]

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)

_TOGETHER = 8_192
"""Numbers that are computed together: intermediate arrays of so many stay in the processor's cache."""


class Purpose(IntEnum):
    """The purpose of a random number: the low four bits of the counter's last integer."""

    WEIGHTS = 0
    BIASES = 1
    ORDER = 2
    DROPOUT = 3
    SPLIT = 4
    NOISE = 5
    AUGMENTATION = 6
    PIXELS = 7
    EMBEDDING = 8
    MEMBERS = 9


def philox(counter: tuple[Any, Any, Any, Any], seed: int) -> tuple[npt.NDArray[np.uint64], ...]:
    """Return four random 32-bit integers (stored in 64 bits) for each counter, whose entries are broadcast.

    >>> [hex(int(word)) for word in philox((0, 0, 0, 0), 0)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    return rounds(c0, c1, c2, c3, *key(seed))


def key(seed: int) -> tuple[np.uint64, np.uint64]:
    """Return the key of a seed below 2⁶⁴: its low and its high 32 bits."""
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def rounds(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[Any, Any, Any, Any]:
    """Apply the ten rounds of Philox to 32-bit integers stored in 64 bits."""
    for _ in range(ROUNDS):
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + KEY_STEPS[0]) & LOW, (k1 + KEY_STEPS[1]) & LOW
    return c0, c1, c2, c3


def words(
    seed: int, purpose: Purpose, shape: tuple[int, int], layer: int = 0, step: int = 0, first_row: int = 0
) -> Words:
    """Return random 32-bit integers, (rows, units); entry (i, j) depends on (seed, purpose, layer, step, row, j) only.

    The row is `first_row` + i.
    """
    rows, units = shape
    blocks = np.arange(-(-units // 4), dtype=np.uint64)
    row = np.arange(first_row, first_row + rows, dtype=np.uint64)[:, None]
    drawn = philox((blocks[None, :], row, step, 16 * layer + purpose), seed)
    return np.stack(drawn, axis=-1).reshape(rows, -1)[:, :units].astype(np.uint32)


def uniform(seed: int, purpose: Purpose, shape: tuple[int, int], layer: int = 0, step: int = 0) -> Floats:
    """Return uniform numbers in (0, 1): (integer + ½) / 2³²."""
    rows, units = shape
    made, together = np.empty(shape), max(1, _TOGETHER // max(1, units))
    for first in range(0, rows, together):
        drawn = words(seed, purpose, (min(together, rows - first), units), layer, step, first)
        made[first : first + together] = (drawn.astype(np.float64) + 0.5) / 2.0**32
    return made


def normal(seed: int, purpose: Purpose, shape: tuple[int, int], layer: int = 0, step: int = 0) -> Floats:
    """Return standard normal numbers: the normal quantile of `uniform`.

    >>> bool(abs(normal(0, Purpose.WEIGHTS, (100, 100)).std() - 1) < 0.02)
    True
    """
    return normal_quantile(uniform(seed, purpose, shape, layer, step))


def permutation(seed: int, epoch: int, n: int) -> Indices:
    """Return the order of the n samples in an epoch, a Fisher–Yates shuffle from the end.

    >>> sorted(permutation(0, 1, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    drawn = words(seed, Purpose.ORDER, (1, n), step=epoch)[0].astype(np.uint64)
    chosen = (drawn * np.arange(1, n + 1, dtype=np.uint64) >> np.uint64(32)).tolist()
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = chosen[i]
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def permutation_by_stretches(seed: int, epoch: int, n: int, stretch: int, together: int) -> Indices:
    """Return an order of n samples stored in a file, (n,), that reads few chunks at a time.

    Chunks of `stretch` consecutive samples are permuted; then the samples of every `together` chunks are shuffled
    among each other. Only these chunks have to be in memory at a time, and even a sorted file is mixed well.

    >>> order = permutation_by_stretches(0, 0, 10, 2, 2)
    >>> sorted(order.tolist()) == list(range(10)), sorted({int(i) // 2 for i in order[:4]}) != [0, 1, 2]
    (True, True)
    """
    drawn = words(seed, Purpose.ORDER, (1, -(-n // stretch)), step=epoch)[0]
    starts = np.argsort(drawn, kind="stable") * stretch
    order = (starts[:, None] + np.arange(stretch)).ravel()
    order = order[order < n].astype(np.int64)
    for number, start in enumerate(range(0, n, stretch * together), start=1):
        some = order[start : start + stretch * together]
        some[:] = some[np.argsort(words(seed, Purpose.ORDER, (1, len(some)), number, epoch)[0], kind="stable")]
    return order


def kept(seed: int, layer: int, step: int, rows: int, units: int, rate: float) -> Booleans:
    """Return the dropout mask of a step, (rows, units): False where the random integer is below rate · 2³²."""
    return words(seed, Purpose.DROPOUT, (rows, units), layer, step) >= dropped_below(rate)


def dropped_below(rate: float) -> np.uint32:
    """Return the integer threshold of dropout, rate · 2³²; a unit is dropped if its random integer is below it.

    >>> int(dropped_below(0.5)) == 2**31
    True
    """
    return np.uint32(min(round(rate * 2.0**32), 0xFFFFFFFF))


def natural_logarithm(x: Floats) -> Floats:
    """Return ln x computed from sums, products and quotients only, so that its bits are equal on every processor.

    x = 2ᵉ f with √½ ≤ f < √2, and ln f = 2 (s + s³/3 + s⁵/5 + …) with s = (f − 1) / (f + 1).
    """
    f, e = np.frexp(x)
    low = f < np.sqrt(0.5)
    f, e = np.where(low, 2.0 * f, f), np.where(low, e - 1, e)
    s = (f - 1.0) / (f + 1.0)
    square, series = s * s, np.zeros_like(s)
    for odd in range(23, 0, -2):
        series = series * square + 1.0 / odd
    logarithm: Floats = e * np.log(2.0) + 2.0 * s * series
    return logarithm


# Wichura (1988), algorithm AS 241 (PPND16): numerators and denominators, highest power first.
_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip


def normal_quantile(p: Floats) -> Floats:
    """Return the standard normal quantile of p, for 10⁻¹¹ < p < 1 − 10⁻¹¹.

    >>> normal_quantile(np.array([0.5, 0.975])).round(9).tolist()
    [0.0, 1.959963985]
    """
    numbers = np.empty(np.shape(p))
    of_all, p = numbers.reshape(-1), np.reshape(p, -1)
    for first in range(0, p.size, _TOGETHER):
        some = p[first : first + _TOGETHER]
        of_all[first : first + _TOGETHER] = quantile(some - 0.5, np.minimum(some, 1.0 - some), natural_logarithm)
    return numbers


def quantile(centred: Any, least: Any, logarithm: Callable[[Any], Any]) -> Any:
    """Return the normal quantile of p, given p − ½ and min(p, 1 − p), which avoids cancellation."""
    centre = np.abs(centred) <= 0.425
    r = 0.180625 - np.where(centre, centred, 0.0) ** 2
    root = np.sqrt(-logarithm(np.where(centre, 0.5, least))) - 1.6
    return np.where(centre, centred * _ratio(_CENTRE, r), np.sign(centred) * _ratio(_TAIL, root))


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    (above, *highs), (below, *lows) = coefficients
    for a, b in zip(highs, lows, strict=True):
        above, below = above * x + a, below * x + b
    return above / below
