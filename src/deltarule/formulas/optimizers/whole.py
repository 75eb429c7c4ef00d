"""Optimizers that are not elementwise: Muon for matrices of weights, L-BFGS for all parameters."""

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
    """Muon: steps along the orthogonal matrix nearest to the momentum.

        m ← μ m + g        d = g + μ m        w ← w − η (s O(d) + λ w)
        O: X = d / ‖d‖, then five times  X ← a X + (b A + c A²) X,  A = X Xᵀ,  (a, b, c) = (3.4445, −4.775, 2.0315)

    For the weights (fan_in, fan_out) of hidden layers; biases, the output layer, γ and β use `others` (default: Adam).
    μ is `momentum`, λ `weight_decay`; with `nesterov=False`, d = m. scale="shape" is s = √max(1, fan_out / fan_in),
    "rms" is s = 0.2 √max(fan_in, fan_out), with which Adam's learning rates work. The singular values of O are between
    about 0.7 and 1.2. A step costs 15 matrix products of the size of the layer, so it suits few, wide layers.
    Jordan (2024), "Muon"; "rms": Liu et al. (2025), equation 4.

    >>> w, m, *_ = Muon(learning_rate=1.0).step(np.zeros((2, 2)), np.diag([3.0, 4.0]), 1, np.zeros((2, 2)))
    >>> np.linalg.svd(w)[1].round(1).tolist()
    [1.1, 0.7]
    """

    granularity: ClassVar[str] = "matrix"
    degree: ClassVar[int | None] = None

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
        """Return the slot of the momentum, and those of `others`."""
        return ("m", *(f"others_{name}" for name in self.others.slots))

    def with_factors(self, learning_rate: Values, epsilon: Values, decay: Values) -> Self:
        """Return a copy with the factors on its own fields and on those of `others`."""
        copied = copy.copy(super().with_factors(learning_rate, epsilon, decay))
        object.__setattr__(copied, "others", self.others.with_factors(learning_rate, epsilon, decay))
        return copied

    def step(self, w: Values, g: Values, t: Values, m: Values, *rest: Values) -> tuple[Values, ...]:
        m = self.momentum * m + g
        d = g + self.momentum * m if self.nesterov else m
        fan_in, fan_out = w.shape
        s = max(1.0, fan_out / fan_in) ** 0.5 if self.scale == "shape" else 0.2 * max(fan_in, fan_out) ** 0.5
        return w - self.learning_rate * (s * orthogonal(d) + self.weight_decay * w), m, *rest


def orthogonal(d: Any, steps: int = 5) -> Any:
    """Return nearly the orthogonal matrix nearest to d, by Newton–Schulz iteration with Jordan's coefficients."""
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
    """L-BFGS: a quasi-Newton method on the whole training set, by SciPy's L-BFGS-B.

        w ← w − α H g        H: the inverse Hessian estimated from the last steps s = Δw, y = Δg, with H y = s

    Each epoch is one iteration with the gradient over all samples and a line search; the batch size and the learning
    rate are not used. Computed in float64. `memory` is the number of steps stored. The run ends when an iteration
    decreases the objective by less than `tolerance` relative to max(|objective|, 1), or when no component of the
    gradient exceeds `gradient_tolerance`. It is exact and fast on small data; on large data each iteration costs a
    whole epoch, and there is no noise to leave a poor local minimum.
    Liu and Nocedal (1989), algorithm 2.1; Byrd, Lu, Nocedal and Zhu (1995).

    >>> LBFGS().granularity
    'full-batch'
    """

    granularity: ClassVar[str] = "full-batch"
    degree: ClassVar[int | None] = None

    memory: Count = 10
    tolerance: NonNegative = 2.2e-9
    gradient_tolerance: NonNegative = 1e-5
