"""Optimizers that see more than one number at a time: a whole matrix of weights, or the whole run."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from deltarule.formulas.formula import Count, NonNegative, Positive, ProperFraction, Spec, Values, register
from deltarule.formulas.optimizers.adam import Adam
from deltarule.formulas.optimizers.optimizer import Optimizer


@register("muon")
@dataclass(frozen=True)
class Muon(Optimizer):
    """Step along the momentum's nearest orthogonal matrix: all directions of a matrix of weights move alike.

        m ← μ m + g        d = g + μ m        w ← w − η (s O(d) + λ w)
        O: X = d / ‖d‖, then five times  X ← a X + (b A + c A²) X,  A = X Xᵀ,  (a, b, c) = (3.4445, −4.775, 2.0315)

    For the weights (fan_in, fan_out) of hidden layers; biases, the output layer, γ and β are left to `others`, Adam
    unless another is named. μ is `momentum`, λ `weight_decay`; with `nesterov=False` d = m. scale="shape" makes
    s = √max(1, fan_out / fan_in), "rms" s = 0.2 √max(fan_in, fan_out), for which Adam's rates do. O's singular values
    lie within some 0.7 and 1.2. A step costs 30 products of the layer's size: worth it for few, wide layers.
    Jordan (2024), "Muon"; "rms": Liu et al. (2025), equation 4.

    >>> w, m, *_ = Muon(learning_rate=1.0).step(np.zeros((2, 2)), np.diag([3.0, 4.0]), 1, np.zeros((2, 2)))
    >>> np.linalg.svd(w)[1].round(1).tolist()
    [1.1, 0.7]
    """

    granularity: ClassVar[str] = "matrix"

    learning_rate: Positive = 0.02
    momentum: ProperFraction = 0.95
    nesterov: bool = True
    weight_decay: NonNegative = 0.0
    scale: Literal["shape", "rms"] = "shape"
    others: Optimizer = Adam()  # noqa: RUF009 - frozen

    if TYPE_CHECKING:  # `others` may be given by name

        def __init__(
            self,
            learning_rate: float = ...,
            momentum: float = ...,
            nesterov: bool = ...,
            weight_decay: float = ...,
            scale: Literal["shape", "rms"] = ...,
            others: Spec | Optimizer = ...,
        ) -> None: ...

    @property
    def slots(self) -> tuple[str, ...]:  # type: ignore[override]
        """The momentum, and what `others` remember."""
        return ("m", *(f"others_{name}" for name in self.others.slots))

    def at_rate(self, factor: float) -> Self:
        """The same rule, and the others', at the learning rates times a factor."""
        scheduled = copy.copy(super().at_rate(factor))
        object.__setattr__(scheduled, "others", self.others.at_rate(factor))
        return scheduled

    def step(self, w: Values, g: Values, t: Values, m: Values, *rest: Values) -> tuple[Values, ...]:
        m = self.momentum * m + g
        d = g + self.momentum * m if self.nesterov else m
        fan_in, fan_out = w.shape
        s = max(1.0, fan_out / fan_in) ** 0.5 if self.scale == "shape" else 0.2 * max(fan_in, fan_out) ** 0.5
        return w - self.learning_rate * (s * orthogonal(d) + self.weight_decay * w), m, *rest


def orthogonal(d: Any, steps: int = 5) -> Any:
    """Nearly the orthogonal matrix nearest to d: Newton and Schulz's iteration with Jordan's coefficients."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = d.shape[0] <= d.shape[1]
    X = (d if wide else d.T) / (np.sqrt(np.sum(d * d)) + 1e-7)
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X if wide else X.T


@register("lbfgs", "l_bfgs")
@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Newton's method on the whole training part, the curvature being read off the last steps: SciPy's L-BFGS-B.

        w ← w − α H g        H: the inverse curvature that the last steps s = Δw, y = Δg show, H y = s

    Each epoch is one iteration. The gradient is that of all samples, so the batch size is not used; the line search
    finds how far to go, so neither is the learning rate. It computes in float64. `memory` is how many steps are
    remembered; the search ends when an iteration lowers the objective by less than `tolerance` times its size (or 1),
    or no component of the gradient exceeds `gradient_tolerance`. Exact and quick on small data; on large data each
    iteration costs a whole epoch, and nothing random helps it out of a bad valley.
    Liu and Nocedal (1989), algorithm 2.1; Byrd, Lu, Nocedal and Zhu (1995).

    >>> LBFGS().granularity
    'full-batch'
    """

    granularity: ClassVar[str] = "full-batch"

    memory: Count = 10
    tolerance: NonNegative = 2.2e-9
    gradient_tolerance: NonNegative = 1e-5
