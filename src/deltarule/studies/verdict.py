"""The verdict: what training and validation errors say of bias and variance, and what helps.

Bias is what stays wrong on the samples that were learnt from; variance is what is worse on others. Neither is a
number beyond doubt: both errors were counted on so many samples, so each comes with an interval, and only what the
intervals can tell is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part
from deltarule.errors import DataError
from deltarule.models import Model
from deltarule.training import Run

Z = 1.959963984540054
"""The normal distribution's quantile for intervals of 95 %."""

VARIANCE_REMEDIES = (
    "more data",
    "augmentation",
    "regularisation (L2, dropout, early stopping)",
    "a smaller network",
)
BIAS_REMEDIES = ("a larger network", "longer training", "another architecture or optimizer")


@dataclass(frozen=True)
class ErrorEstimate:
    """An error measured on n samples, with its 95 % interval.

    share : whether it is a share of wrong answers, rather than a mean squared error.

    >>> error = ErrorEstimate.of_shares(4, 180)
    >>> f"{error.value:.4f} from {error.low:.4f} to {error.high:.4f}"
    '0.0222 from 0.0087 to 0.0557'
    """

    value: float
    low: float
    high: float
    n: int
    share: bool

    @classmethod
    def of_shares(cls, wrong: int, n: int) -> ErrorEstimate:
        """`wrong` answers out of n, with Wilson's interval (1927), which also holds near 0 and 1 and for small n."""
        if n < 1 or not 0 <= wrong <= n:
            raise DataError("wrong answers between 0 and the number of samples", f"{wrong} of {n}")
        p, z2 = wrong / n, Z * Z
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return cls(p, 0.0 if wrong == 0 else centre - half, 1.0 if wrong == n else centre + half, n, share=True)

    @classmethod
    def of_squares(cls, squares: npt.ArrayLike) -> ErrorEstimate:
        """The mean of n squared errors, with the normal approximation's interval, cut at 0.

        One sample alone says nothing of the spread: its interval has no upper end.
        """
        values = np.asarray(squares, dtype=np.float64).ravel()
        if len(values) == 0 or not np.isfinite(values).all() or (values < 0).any():
            raise DataError("finite squared errors of at least one sample", f"{len(values)} numbers")
        mean = float(values.mean())
        half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
        return cls(mean, max(mean - half, 0.0), mean + half, len(values), share=False)


@dataclass(frozen=True)
class Verdict:
    """What two errors say.

    sentences : in plain words, to be read as they stand.
    variance : the validation error is certainly above the training error.
    bias : the training error is certainly above the reference, by more than the validation part leaves in doubt.
    remedies : what helps, the larger fault's first.
    gap : validation less training error, with the ends of its 95 % interval; None without a validation part.
    """

    sentences: tuple[str, ...]
    variance: bool
    bias: bool
    remedies: tuple[str, ...]
    gap: tuple[float, float, float] | None = None

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def to_json(self) -> dict[str, Any]:
        """The verdict as data."""
        gap = None if self.gap is None else [each if math.isfinite(each) else None for each in self.gap]
        return {
            "sentences": list(self.sentences),
            "variance": self.variance,
            "bias": self.bias,
            "remedies": list(self.remedies),
            "gap": gap,
        }


def verdict_of(run: Run, data: Dataset, reference_error: float | None = None) -> Verdict:
    """Return the verdict on a run: of its errors on the data's training and validation sets."""
    held = None if data.validation is None else error_of(run.model, data.validation)
    return verdict(error_of(run.model, data.train), held, reference_error)


def error_of(model: Model, part: Part) -> ErrorEstimate:
    """The error of a model on a part: the share of wrong answers, or the mean squared error of its numbers."""
    predicted = model.predict(part.x)
    if model.classes is not None:
        return ErrorEstimate.of_shares(int(np.sum(predicted != part.y)), len(part))
    distances = predicted.reshape(len(part), -1) - part.y.astype(np.float64).reshape(len(part), -1)
    return ErrorEstimate.of_squares(np.sum(distances**2, axis=1))


def difference(validation: ErrorEstimate, train: ErrorEstimate) -> tuple[float, float, float]:
    """Validation less training error, and the 95 % interval of that, from the intervals of both.

    Each end takes the two distances that could have moved it: for shares this is the tenth method of Newcombe (1998).

    >>> gap, low, high = difference(ErrorEstimate.of_shares(56, 70), ErrorEstimate.of_shares(48, 80))
    >>> f"{gap:.4f} from {low:.4f} to {high:.4f}"
    '0.2000 from 0.0524 to 0.3339'
    """
    gap = validation.value - train.value
    low = gap - math.hypot(validation.value - validation.low, train.high - train.value)
    high = gap + math.hypot(validation.high - validation.value, train.value - train.low)
    return gap, low, high


def check_reference_error(reference_error: float | None, *, share: bool) -> None:
    """Refuse a reference that is no error: a share of wrong answers, or a mean squared error.

    >>> check_reference_error(0.02, share=True)
    """
    if reference_error is None or 0 <= reference_error <= (1 if share else math.inf):
        return
    wanted = "a reference error from 0 to 1" if share else "a reference error of 0 or more"
    raise DataError(wanted, f"{reference_error}", "0.02 for 2 % wrong answers" if share else None)


def certainly_above(error: ErrorEstimate, other: ErrorEstimate) -> bool:
    """Whether one error is higher than another beyond what 95 % intervals leave in doubt.

    The interval of the difference must lie above 0. For shares Fisher's exact test (1935) must agree, one-sided at
    2.5 %: the interval is an approximation, and where next to nothing is wrong it is too sure of itself.

    >>> certainly_above(ErrorEstimate.of_shares(4, 180), ErrorEstimate.of_shares(0, 1437))
    True
    >>> certainly_above(ErrorEstimate.of_shares(1, 180), ErrorEstimate.of_shares(0, 1437))
    False
    """
    if not difference(error, other)[1] > 0:
        return False
    if not error.share:
        return True
    wrong = round(error.value * error.n)
    return _chance(wrong, error.n, round(other.value * other.n), other.n) <= 0.025


def _chance(wrong: int, n: int, other_wrong: int, other_n: int) -> float:
    """Fisher's: if all wrong answers were dealt out blindly, how likely are `wrong` or more among these n?"""
    all_wrong, total = wrong + other_wrong, n + other_n

    def ways(chosen: int, out_of: int) -> float:
        return math.lgamma(out_of + 1) - math.lgamma(chosen + 1) - math.lgamma(out_of - chosen + 1)

    possible = range(wrong, min(all_wrong, n) + 1)
    deals = (ways(k, n) + ways(all_wrong - k, other_n) - ways(all_wrong, total) for k in possible)
    return math.fsum(math.exp(each) for each in deals)


def verdict(
    train: ErrorEstimate, validation: ErrorEstimate | None = None, reference_error: float | None = None
) -> Verdict:
    """What training and validation errors say of bias and variance, in two or three plain sentences.

    reference_error : what can be reached at best (by people, by another method), in the units of the errors;
        None takes 0 and says so.

    Variance is found where the validation error is `certainly_above` the training error. Bias is found where the
    training error's interval lies above the reference, and its distance is more than half the width of the
    validation error's interval: a smaller one, were it won, could not be seen on the validation part.

    >>> print(verdict(ErrorEstimate.of_shares(2, 1437), ErrorEstimate.of_shares(18, 180)))
    The training error is 0.139 % (2 of 1,437), the validation error 10 % (18 of 180; 6.42 to 15.3 % with 95 %
    confidence). Variance: what was learnt holds less for new samples, by 9.86 points (6.26 to 15.1); what helps is more
    data, augmentation, regularisation (L2, dropout, early stopping) or a smaller network. No sign of bias: the training
    error is above 0 (no reference error was given), but by less than 180 validation samples can show.
    """
    _check(train, validation, reference_error)
    gap = None if validation is None else difference(validation, train)
    variance = validation is not None and certainly_above(validation, train)
    excess = train.value - (reference_error or 0.0)
    bias = train.low > (reference_error or 0.0) and excess > _doubt(train, validation)
    sentences = {
        "variance": _on_variance(train, validation, found=variance),
        "bias": _on_bias(train, validation, reference_error, found=bias),
    }
    order = ["bias", "variance"] if bias and (gap is None or excess >= gap[0]) else ["variance", "bias"]
    said = [sentences[kind] for kind in order]
    if validation is not None and not variance and not bias and not _seems_above(validation, train):
        said = [_good(train, validation)]
    remedies = {"variance": VARIANCE_REMEDIES if variance else (), "bias": BIAS_REMEDIES if bias else ()}
    several = tuple(remedy for kind in order for remedy in remedies[kind])
    return Verdict((_errors(train, validation), *said), variance, bias, several, gap)


def _check(train: ErrorEstimate, validation: ErrorEstimate | None, reference_error: float | None) -> None:
    if validation is not None and validation.share != train.share:
        raise DataError("two errors of one kind", "a share of wrong answers and a mean squared error")
    check_reference_error(reference_error, share=train.share)


def _doubt(train: ErrorEstimate, validation: ErrorEstimate | None) -> float:
    """Half the width of the interval of the error by which a model is judged."""
    judge = train if validation is None else validation
    return (judge.high - judge.low) / 2


def _errors(train: ErrorEstimate, validation: ErrorEstimate | None) -> str:
    what = "error" if train.share else "mean squared error"
    first = f"The training {what} is {_counted(train)}"
    if validation is None:
        return f"{first}; there is no validation part."
    return f"{first}, the validation {what} {_counted(validation, interval=True)}."


def _on_variance(train: ErrorEstimate, validation: ErrorEstimate | None, *, found: bool) -> str:
    if validation is None:
        return "Of variance nothing can be said without a validation part."
    gap, low, high = difference(validation, train)
    if found:
        size = f"{_points(gap, train)} ({_bare(low, train)} to {_bare(high, train)})"
        return (
            f"Variance: what was learnt holds less for new samples, by {size}; "
            f"what helps is {_listed(VARIANCE_REMEDIES)}."
        )
    if not _seems_above(validation, train):
        return f"No sign of variance, though {_unseen(train, validation)}."
    needed = _needed(validation, train)
    settled = f"; about {_rounded(needed):,} would settle a gap of this size" if needed else ""
    return (
        f"The gap of {_points(gap, train)} could be chance: {_samples(validation)} cannot tell "
        f"whether there is variance{settled}."
    )


def _on_bias(
    train: ErrorEstimate, validation: ErrorEstimate | None, reference_error: float | None, *, found: bool
) -> str:
    reference = reference_error or 0.0
    against = "0 (no reference error was given)"
    if reference_error is not None:
        against = f"the reference of {_amount(reference_error, train)}"
    if found:
        noise = ", or noise in the data that no network can learn" if reference_error is None else ""
        excess = _points(train.value - reference, train)
        return (
            f"Bias{noise}: even on the samples learnt from, the error lies {excess} above {against}; "
            f"what helps is {_listed(BIAS_REMEDIES)}."
        )
    if train.value <= reference:
        return f"No sign of bias: the training error is not above {against}."
    judge = f"{train.n:,} training samples" if validation is None else _samples(validation)
    return f"No sign of bias: the training error is above {against}, but by less than {judge} can show."


def _good(train: ErrorEstimate, validation: ErrorEstimate) -> str:
    return f"Good: no sign of bias or of variance, though {_unseen(train, validation)}."


def _unseen(train: ErrorEstimate, validation: ErrorEstimate) -> str:
    high = difference(validation, train)[2]
    size = f"a gap of up to {_points(max(high, 0.0), train)}" if math.isfinite(high) else "any gap"
    return f"with {_samples(validation)} {size} could go unseen"


def _seems_above(error: ErrorEstimate, other: ErrorEstimate) -> bool:
    """Whether one error as measured lies outside the other's interval, be it by chance."""
    return error.value > other.high


def _needed(error: ErrorEstimate, other: ErrorEstimate) -> int | None:
    """How many samples would make the same error certainly higher than the other; None where no number would."""
    n = float(error.n)
    while n < 1e9:
        n *= 1.1
        if error.share:
            grown = ErrorEstimate.of_shares(round(error.value * int(n)), int(n))
        else:
            shrunk = math.sqrt(error.n / n)
            low, high = (error.value + (end - error.value) * shrunk for end in (error.low, error.high))
            grown = ErrorEstimate(error.value, low, high, int(n), share=False)
        if certainly_above(grown, other):
            return int(n)
    return None


def _samples(error: ErrorEstimate) -> str:
    return f"{error.n:,} validation sample{'' if error.n == 1 else 's'}"


def _counted(error: ErrorEstimate, *, interval: bool = False) -> str:
    """An error in words, with its counts and, where it is asked for, its interval."""
    inside = f"{round(error.value * error.n):,} of {error.n:,}" if error.share else f"over {error.n:,} samples"
    if interval and math.isfinite(error.high):
        inside += f"; {_bare(error.low, error)} to {_amount(error.high, error)} with 95 % confidence"
    return f"{_amount(error.value, error)} ({inside})"


def _amount(value: float, kind: ErrorEstimate) -> str:
    return f"{_bare(value, kind)} %" if kind.share else _bare(value, kind)


def _points(value: float, kind: ErrorEstimate) -> str:
    bare = _bare(value, kind)
    return f"{bare} point{'' if bare == '1' else 's'}" if kind.share else bare


def _bare(value: float, kind: ErrorEstimate) -> str:
    """A number of three digits: a percentage for shares."""
    if kind.share:
        return f"{100 * value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _listed(several: tuple[str, ...]) -> str:
    return f"{', '.join(several[:-1])} or {several[-1]}"


def _rounded(number: float) -> int:
    """An integer with two digits that count.

    >>> _rounded(1234.5)
    1200
    """
    return int(float(f"{max(number, 1.0):.2g}"))
