"""Errors in words: percentages for error rates, root mean squared errors in the target's units for numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deltarule.language import count_of
from deltarule.studies.diagnose.estimates import ErrorEstimate


def amount(value: float, kind: ErrorEstimate) -> str:
    """An error: "2.5 %", or an RMSE; depending on `kind`.

    >>> amount(0.025, ErrorEstimate.of_counts(1, 40)), amount(2002840896.0, ErrorEstimate.of_squares([2002840896.0]))
    ('2.5 %', '44,753')
    """
    return f"{bare(value, kind)} %" if kind.is_rate else bare(value, kind)


def bare(value: float, kind: ErrorEstimate) -> str:
    """The same without its unit: a percentage, or the root of a mean squared error, to three digits."""
    return f"{100 * value:.3g}" if kind.is_rate else number(math.sqrt(max(value, 0.0)))


def number(value: float) -> str:
    """A number to three digits, or to an integer.

    >>> number(0.12345), number(44753.4)
    ('0.123', '44,753')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def gap_between(higher: float, lower: float, kind: ErrorEstimate) -> str:
    """The difference of two errors: in percentage points, or of their RMSE."""
    if not kind.is_rate:
        return number(math.sqrt(max(higher, 0.0)) - math.sqrt(max(lower, 0.0)))
    text = f"{100 * (higher - lower):.3g}"
    return f"{text} percentage point{'' if text == '1' else 's'}"


def counted(error: ErrorEstimate, *, interval: bool = False) -> str:
    """An error with its counts and, where it is requested, its interval.

    >>> counted(ErrorEstimate.of_counts(18, 180), interval=True)
    '10 % (18 of 180; 6.42 to 15.3 % with 95 % confidence)'
    """
    inside = f"{round(error.value * error.n):,} of {error.n:,}" if error.is_rate else f"over {samples(error.n)}"
    if interval and math.isfinite(error.high):
        inside += f"; {bare(error.low, error)} to {amount(error.high, error)} with 95 % confidence"
    return f"{amount(error.value, error)} ({inside})"


def samples(n: int, of: str = "") -> str:
    """A number of samples.

    >>> samples(1), samples(1200, "validation")
    ('1 sample', '1,200 validation samples')
    """
    return count_of(n, f"{of} sample".strip())


def listed(several: Sequence[str]) -> str:
    """Some noun phrases, of which any may be chosen.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b or c')
    """
    return f"{', '.join(several[:-1])} or {several[-1]}" if len(several) > 1 else several[0]


def rounded(value: float) -> int:
    """An integer with two significant digits.

    >>> rounded(1234.5)
    1200
    """
    return int(float(f"{max(value, 1.0):.2g}"))
