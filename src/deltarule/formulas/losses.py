"""Losses: what a wrong output costs. Each is a function of the raw output z and holds the link that turns z into a."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.activations import Activation
from deltarule.formulas.formula import Formula, Values, formula, register


@dataclass(frozen=True)
class Loss(Formula):
    """A cost for each sample, and its gradient on the raw output.

    z is (n, k): the last layer's weighted sums. y is (n, k): targets, one-hot for classes. `value(z, y)` is (n,), the
    sum over the k outputs; `gradient(z, y)` is (n, k), ∂value/∂z. The mean over samples is taken elsewhere.
    `link` is the output's function, a = link(z); `domain` says which y are allowed: "real", or "unit" for [0, 1].
    """

    kind: ClassVar[str] = "loss"
    domain: ClassVar[str] = "real"

    @property
    def output(self) -> Activation:
        """The link as a formula: what turns z into the network's output a."""
        return formula("activation", getattr(self, "link", "identity"))  # type: ignore[no-any-return]

    def value(self, z: Values, y: Values) -> Values:
        """The loss of each sample: (n,)."""
        raise NotImplementedError

    def gradient(self, z: Values, y: Values) -> Values:
        """∂loss/∂z: (n, k)."""
        raise NotImplementedError


@dataclass(frozen=True)
class _LinkedLoss(Loss):
    """A loss on the output a = link(z), for any link of one number."""

    link: str = "identity"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.reach != "element":
            raise RecipeError(
                f"a link of one number for {type(self).__name__}",
                repr(self.link),
                f'{type(self).__name__}(link="sigmoid"), or loss="softmax_cross_entropy"',
            )


@register("squared_error")
@dataclass(frozen=True)
class SquaredError(_LinkedLoss):
    """The squared distance of output and target.

        C = Σⱼ (aⱼ − yⱼ)²        ∂C/∂z = 2 (a − y) σ′(z)

    No ½, no 1/k: the sum over the outputs. The maximum-likelihood loss for noise of one normal distribution; a single
    outlier can rule it.  Gauss (1809).

    >>> SquaredError().value(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]])).tolist()
    [4.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.sum((a - y) ** 2, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return 2.0 * (a - y) * self.output.slope(z, a)


@register("half_squared_error", "quadratic_cost")
@dataclass(frozen=True)
class HalfSquaredError(_LinkedLoss):
    """Half the squared distance: Nielsen's quadratic cost, with any link.

        C = ½ Σⱼ (aⱼ − yⱼ)²        ∂C/∂z = (a − y) σ′(z)

    With a sigmoid link the factor σ′(z) makes a saturated, wrong output learn slowly; use `SigmoidCrossEntropy` there.
    Nielsen (2015), chapter 1, equation 6.

    >>> HalfSquaredError().value(np.array([[3.0]]), np.array([[1.0]])).tolist()
    [2.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return 0.5 * np.sum((a - y) ** 2, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return (a - y) * self.output.slope(z, a)


@register("absolute_error")
@dataclass(frozen=True)
class AbsoluteError(_LinkedLoss):
    """The absolute distance of output and target: the median's loss, calm about outliers.

        C = Σⱼ |aⱼ − yⱼ|        ∂C/∂z = sign(a − y) σ′(z)

    At a = y the subgradient 0 is taken.  Laplace (1774).

    >>> AbsoluteError().value(np.array([[3.0, 0.0]]), np.array([[1.0, 1.0]])).tolist()
    [3.0]
    """

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(np.abs(self.output.value(z) - y), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        a = self.output.value(z)
        return np.sign(a - y) * self.output.slope(z, a)


@register("sigmoid_cross_entropy", "cross_entropy_cost", "binary_cross_entropy")
@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """Cross-entropy of independent sigmoid outputs, in one expression on the raw output.

        C = −Σⱼ [yⱼ ln aⱼ + (1 − yⱼ) ln(1 − aⱼ)] = Σⱼ [max(zⱼ, 0) − yⱼ zⱼ + ln(1 + e^−|zⱼ|)]        ∂C/∂z = a − y

    a = σ(z) is the logistic function; y lies in [0, 1]. The slope σ′ has cancelled, so a wrong output learns fast.
    Nielsen (2015), chapter 3, equation 57.

    >>> SigmoidCrossEntropy().value(np.zeros((1, 1)), np.ones((1, 1))).round(6).tolist()
    [0.693147]
    """

    link: ClassVar[str] = "sigmoid"
    domain: ClassVar[str] = "unit"

    def value(self, z: Values, y: Values) -> Values:
        return np.sum(np.maximum(z, 0.0) - y * z + np.log1p(np.exp(-np.abs(z))), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return self.output.value(z) - y


@register("softmax_cross_entropy", "log_likelihood_cost", "categorical_cross_entropy")
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of one choice among k classes, in one expression on the raw output.

        C = −Σⱼ yⱼ ln aⱼ = Σⱼ yⱼ (ln Σₖ e^zₖ − zⱼ)        ∂C/∂z = a Σⱼ yⱼ − y

    a = softmax(z), so C is the negative log-likelihood of the class. The gradient is a − y where y adds up to 1.
    Bridle (1990); Nielsen (2015), chapter 3, equation 80.

    >>> SoftmaxCrossEntropy().value(np.zeros((1, 4)), np.eye(4)[:1]).round(6).tolist()
    [1.386294]
    """

    link: ClassVar[str] = "softmax"
    domain: ClassVar[str] = "unit"
    reach: ClassVar[str] = "row"

    def value(self, z: Values, y: Values) -> Values:
        shifted = z - np.max(z, axis=-1, keepdims=True)
        log_sum = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
        return np.sum(y * (log_sum - shifted), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return self.output.value(z) * np.sum(y, axis=-1, keepdims=True) - y
