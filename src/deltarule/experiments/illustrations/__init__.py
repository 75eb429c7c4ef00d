"""The usual textbook figures, drawn from real runs.

Each illustration trains with the package's own formulas and engines, stores the results as data, and provides a
sentence and a picture of them. Nothing here prints or writes files.
"""

from __future__ import annotations

from deltarule.errors import UnknownName, nearest
from deltarule.experiments.illustrations.approximation import Approximation
from deltarule.experiments.illustrations.batches import Batches
from deltarule.experiments.illustrations.capacity import Capacity
from deltarule.experiments.illustrations.depth import Depth
from deltarule.experiments.illustrations.dropout_weights import DropoutWeights
from deltarule.experiments.illustrations.early_stopping import EarlyStop
from deltarule.experiments.illustrations.gradient_check import GradientSteps
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.learning_curve import LearningCurve
from deltarule.experiments.illustrations.learning_rate import LearningRate
from deltarule.experiments.illustrations.local_minimum import LocalMinimum
from deltarule.experiments.illustrations.network import NetworkGraph
from deltarule.experiments.illustrations.outlier import Outlier
from deltarule.experiments.illustrations.overfitting import Overfitting
from deltarule.experiments.illustrations.paths import Paths
from deltarule.experiments.illustrations.shifted import Shifted
from deltarule.experiments.illustrations.slowdown import Slowdown
from deltarule.experiments.illustrations.strong_l2 import StrongL2
from deltarule.experiments.illustrations.weights import WeightSizes
from deltarule.experiments.illustrations.xor import Xor
from deltarule.recipes.checks import integer

__all__ = ["ILLUSTRATIONS", "Illustration", "illustrate"]

ILLUSTRATIONS: dict[str, type[Illustration]] = {
    each.name: each
    for each in (
        Xor,
        NetworkGraph,
        Approximation,
        Depth,
        Outlier,
        LearningRate,
        Batches,
        LocalMinimum,
        GradientSteps,
        Paths,
        Slowdown,
        Capacity,
        Overfitting,
        LearningCurve,
        StrongL2,
        WeightSizes,
        DropoutWeights,
        Shifted,
        EarlyStop,
    )
}
"""Each illustration by its name, in the order of the tour."""


def illustrate(name: str, seed: int = 0) -> Illustration:
    """Return the illustration of this name, after doing its runs.

    >>> illustrate("learning-rate").facts["steps"]
    15
    >>> illustrate("learning rate")
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownName: Expected an illustration (xor, ...), got 'learning rate'. Try: learning-rate
    """
    if name not in ILLUSTRATIONS:
        raise UnknownName(
            f"an illustration ({', '.join(ILLUSTRATIONS)})",
            repr(name),
            nearest(name, ILLUSTRATIONS) or next(iter(ILLUSTRATIONS)),
        )
    integer("seed", seed, 0, "seed=0")
    return ILLUSTRATIONS[name].made(seed)
