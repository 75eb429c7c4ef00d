"""Gradients that vanish or explode on their way back, or that clipping shortens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from deltarule.figures.layers import LayersDisplay
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import Check
from deltarule.studies.diagnose.finding import Finding, Measure
from deltarule.studies.diagnose.findings.start import USUAL_WEIGHTS
from deltarule.studies.diagnose.remedies import Remedy

_WHY = "The first layers learn {how}: one learning rate cannot suit both."


class VanishingGradients(Check):
    """Gradients that shrink from the last layer to the first."""

    name, rank = "vanishing-gradients", 24
    threshold: ClassVar[str] = (
        "before the first step, the gradient of the first layer's weighted sums has less than 1 % of the norm of the "
        "last layer's (Glorot and Bengio, 2010, keep it equal)"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the first layer gets next to no gradient."""
        ratio = _ratio(case)
        if ratio is not None and ratio < 0.01 and not case.starts_flat:
            yield _finding(self, case, ratio, "vanishes")


class ExplodingGradients(Check):
    """Gradients, or signals, that grow from layer to layer."""

    name, rank = "exploding-gradients", 25
    threshold: ClassVar[str] = "the same norm grows a hundredfold from the last layer to the first"

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where the gradient grows."""
        ratio = _ratio(case)
        if ratio is not None and ratio > 100 and len(case.replay.first.layers) >= 3:
            yield _finding(self, case, ratio, "explodes")


class TightClipping(Check):
    """Clipping that shortens nearly every gradient to a small part."""

    name, rank = "tight-clipping", 26
    threshold: ClassVar[str] = (
        "half of the batches' gradients are more than ten times the limit, at the start and at the end"
    )

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield the finding where clipping acts on most batches."""
        clipping = case.recipe.clipping
        limit = getattr(clipping, "limit", None)
        if clipping is None or limit is None:
            return
        points = (case.replay.first, case.replay.last)
        sizes = [each.largest if clipping.granularity == "elementwise" else each.norms for each in points]
        beyond = [float(np.median(each)) / limit for each in sizes]
        if min(beyond) > 10:
            yield self.found(
                case.cause,
                f"Clipping shortens gradients {beyond[0]:,.3g} times at the start, {beyond[1]:,.3g} times at the end.",
                "Steps of plain descent become as much smaller; a limit is meant for rare outliers.",
                measures=(Measure("gradient over limit at the start", beyond[0]), Measure("at the end", beyond[1])),
                remedies=(Remedy("no clipping", {"clipping": None}),),
            )


def _ratio(case: Case) -> float | None:
    gradients = case.replay.first.gradients
    if len(gradients) < 2 or not np.isfinite(gradients).all() or gradients[-1] == 0 or case.unscaled:
        return None
    return gradients[0] / gradients[-1]


def _finding(check: Check, case: Case, ratio: float, what: str) -> Finding:
    first, last = case.replay.first.gradients, case.replay.last.gradients
    names = [f"hidden {i}" for i in range(1, len(first))] + ["output"]
    times = f"{ratio:.2g}" if ratio < 1 else f"{ratio:,.3g}"
    bounded = any(each.saturated == each.saturated for each in case.replay.first.layers)
    remedies = (
        [Remedy("rectified units with their usual initial weights", {"activation": "relu", "initializer": "auto"})]
        if bounded
        else [USUAL_WEIGHTS]
    )
    return check.found(
        case.cause,
        f"The gradient {what} on its way back: in the first layer it has {times} times the norm of the last one.",
        _WHY.format(
            how="far more slowly than the last ones" if ratio < 1 else "in far larger steps than the last ones"
        ),
        measures=(Measure("norm in the first layer over that in the last", ratio),),
        remedies=(*remedies, Remedy("batch normalization", {"normalization": "batch"})),
        display=LayersDisplay(
            names, {"at the start": list(first), "at the end": list(last)}, "Norm of the gradient of z"
        ),
        caption="The gradient of each layer's weighted sums, mean over batches.",
    )
