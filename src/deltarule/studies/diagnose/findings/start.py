"""Faults of the initial weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from deltarule.figures.layers import LayersDisplay
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.estimates import ErrorEstimate
from deltarule.studies.diagnose.finding import Finding, Measure, Severity
from deltarule.studies.diagnose.remedies import Remedy

FLAT = 0.3
"""The fraction of saturated units and samples of a layer from which on it starts flat."""
USUAL_WEIGHTS = Remedy("the activation's usual initial weights", {"initializer": "auto", "bias_initializer": "zeros"})


class EqualUnits(Check):
    """Hidden units that start as copies of each other."""

    name, rank = "equal-units", 20
    threshold: ClassVar[str] = "half of the units of a layer: units with equal weights have equal gradients forever"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where units start equal."""
        layers = case.replay.first.layers
        equal, units = sum(each.equal for each in layers), sum(each.units for each in layers)
        if units and equal >= 0.5 * units:
            yield self.found(
                Severity.ERROR,
                f"{equal:,} of {units:,} hidden units start with the weights of another unit.",
                "They compute the same and get the same gradient: the layer acts as one unit.",
                measures=(Measure("copies", equal / units, percent=True),),
                remedies=(USUAL_WEIGHTS,),
            )


class InitialScale(Check):
    """Weighted sums that start far from 1."""

    name, rank = "initial-scale", 22
    threshold: ClassVar[str] = (
        "a root mean square of a hidden layer's weighted sums above 10 or below 0.05 with scaled inputs; Glorot and "
        "Bengio (2010) and He et al. (2015) make it 1 to 1.4"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where a layer starts too large or too small."""
        layers = case.replay.first.layers
        if not layers or case.recipe.network.normalization is not None or case.unscaled:
            return
        sizes = [each.rms for each in layers]
        least, most = min(sizes), max(sizes)
        if (least >= 0.05 and most <= 10) or all(each.equal >= each.units - 1 for each in layers):
            return
        if len(sizes) >= 3 and sizes[-1] > 10 * sizes[0] and most > 10:
            return  # it grows from layer to layer: exploding gradients
        if any(each.saturated >= FLAT for each in layers):
            return  # large sums saturate bounded units, which says more
        shown, what = (most, "large") if most > 10 else (least, "small")
        yield self.found(
            case.cause,
            f"The initial weights are too {what}: weighted sums of a hidden layer have a root mean square of "
            f"{shown:.2g}.",
            "Signals and gradients shrink or grow from layer to layer, and units start flat or linear.",
            measures=tuple(Measure(f"root mean square, hidden layer {i}", size) for i, size in enumerate(sizes, 1)),
            remedies=(USUAL_WEIGHTS, Remedy("batch normalization", {"normalization": "batch"})),
            display=LayersDisplay(
                [f"hidden {i}" for i in range(1, len(sizes) + 1)], {"at the start": sizes}, "Root mean square of z"
            ),
            caption="Weighted sums of each hidden layer before the first step; 1 is usual.",
        )


class DeadAtStart(Check):
    """Hidden units whose gradient is 0 for all samples before the first step."""

    name, rank = "dead-at-start", 21
    threshold: ClassVar[str] = "10 % of the units: with usual initial weights hardly any is dead"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where units start dead."""
        if not case.unscaled:
            yield from dead(self, case, case.replay.first.layers, 0.1, "start dead", case.replay.first.n)


class SaturatedUnits(Check):
    """Bounded hidden units that start where they are flat."""

    name, rank = "saturated-units", 23
    threshold: ClassVar[str] = (
        "a slope below 5 % of the largest for 30 % of units and samples of a layer before the first step"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where units start saturated."""
        fractions = [each.saturated for each in case.replay.first.layers]
        worst = max((each for each in fractions if each == each), default=0.0)
        if worst < FLAT or case.unscaled:
            return
        later = [each.saturated for each in case.replay.last.layers]
        yield self.found(
            case.cause,
            f"Hidden units start saturated: {100 * worst:.3g} % of the slopes of a layer are next to 0.",
            "A saturated unit passes next to no gradient back, so the weights before it hardly change.",
            measures=tuple(
                Measure(f"saturated, hidden layer {i}", each, percent=True) for i, each in enumerate(fractions, 1)
            ),
            remedies=(USUAL_WEIGHTS, Remedy("rectified units", {"activation": "relu", "initializer": "auto"})),
            display=_of_layers({"at the start": fractions, "at the end": later}, "Saturated (%)"),
            caption="Units and samples of each hidden layer with less than 5 % of the largest slope.",
        )


class DeadUnits(Check):
    """Hidden units whose gradient is 0 for all samples after training."""

    name, rank = "dead-units", 38
    threshold: ClassVar[str] = "half of the units after training, where fewer were dead at the start"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where units died in training."""
        if sum(each.dead for each in case.replay.first.layers) < 0.1 * sum(
            each.units for each in case.replay.first.layers
        ):
            yield from dead(self, case, case.replay.last.layers, 0.5, "died in training", case.replay.last.n)


def dead(check: Check, case: Case, layers: Any, limit: float, what: str, n: int) -> Iterator[Finding]:
    """Yield the finding where the fraction of dead units reaches a limit."""
    count, units = sum(each.dead for each in layers), sum(each.units for each in layers)
    if not units or count < limit * units:
        return
    rate = ErrorEstimate.of_counts(count, units)
    fractions = {
        name: [each.dead / each.units for each in point.layers]
        for name, point in (("at the start", case.replay.first), ("at the end", case.replay.last))
    }
    yield check.found(
        case.cause,
        f"{count:,} of {units:,} hidden units {what}: their slope is 0 for all of {n:,} training samples.",
        "The weights of a dead unit get no gradient and never change again.",
        measures=(Measure("dead units", rate.value, rate.low, rate.high, percent=True),),
        remedies=(
            *((USUAL_WEIGHTS,) if check.name == "dead-at-start" else _smaller_rate(case)),
            Remedy("units that are never flat", {"activation": "leaky_relu"}),
        ),
        display=_of_layers(fractions, "Dead units (%)"),
        caption="Units of each hidden layer that no sample activates.",
    )


def _smaller_rate(case: Case) -> tuple[Remedy, ...]:
    rate = getattr(case.recipe.optimizer, "learning_rate", None)
    return () if rate is None else (Remedy("a smaller learning rate", {"learning_rate": rate / 10}),)


def _of_layers(fractions: dict[str, list[float]], label: str) -> LayersDisplay:
    several = max(map(len, fractions.values()))
    rows = [f"hidden {i}" for i in range(1, several + 1)]
    return LayersDisplay(
        rows, {name: [100 * each for each in values] for name, values in fractions.items()}, label, log=False
    )
