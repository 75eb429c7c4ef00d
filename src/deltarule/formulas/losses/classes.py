"""Classification losses: cross-entropies, focal losses, and the hinge loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import NonNegative, ProperFraction, Values, register
from deltarule.formulas.losses.loss import Loss


@register("sigmoid_cross_entropy", "cross_entropy_cost", "binary_cross_entropy", "bce")
@dataclass(frozen=True)
class SigmoidCrossEntropy(Loss):
    """Cross-entropy of independent sigmoid outputs, computed from the raw output.

        C = −Σⱼ [yⱼ ln aⱼ + (1 − yⱼ) ln(1 − aⱼ)] = Σⱼ [max(zⱼ, 0) − yⱼ zⱼ + ln(1 + e^−|zⱼ|)]        ∂C/∂z = a − y

    a = σ(z) is the logistic function; y is in [0, 1]. The derivative σ′ cancels, so a saturated wrong output learns
    fast. With `label_smoothing` ε, y is replaced by (1 − ε) y + ½ ε. Use it for binary and multilabel classification;
    for mutually exclusive classes use `SoftmaxCrossEntropy`.
    Nielsen (2015), chapter 3, equation 57; the smoothing: Szegedy et al. (2016), section 7.

    >>> SigmoidCrossEntropy().value(np.zeros((1, 1)), np.ones((1, 1))).round(6).tolist()
    [0.693147]
    """

    inverse_link: ClassVar[str] = "sigmoid"
    domain: ClassVar[str] = "unit"

    label_smoothing: ProperFraction = 0.0

    def value(self, z: Values, y: Values) -> Values:
        y = self._smoothed(y)
        return np.sum(np.maximum(z, 0.0) - y * z + np.log1p(np.exp(-np.abs(z))), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        return self.output.value(z) - self._smoothed(y)

    def precise_gradient(self, z: Values, y: Values) -> Values:
        y = self._smoothed(y)
        return self.output.value(z) * (1.0 - y) - self.output.value(-z) * y

    def _smoothed(self, y: Values) -> Values:
        return (1.0 - self.label_smoothing) * y + 0.5 * self.label_smoothing


@register("softmax_cross_entropy", "log_likelihood_cost", "categorical_cross_entropy")
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of k mutually exclusive classes, computed from the raw output.

        C = −Σⱼ yⱼ ln aⱼ = Σⱼ yⱼ (ln Σₖ e^zₖ − zⱼ)        ∂C/∂z = a Σⱼ yⱼ − y

    a = softmax(z), so C is the negative log-likelihood of the class. The gradient is a − y if y sums to 1.
    With `label_smoothing` ε, y is replaced by (1 − ε) y + ε / k, which makes predictions less confident. For several
    labels per sample use `SigmoidCrossEntropy`.
    Bridle (1990); Nielsen (2015), chapter 3, equation 80; the smoothing: Szegedy et al. (2016), section 7.

    >>> SoftmaxCrossEntropy().value(np.zeros((1, 4)), np.eye(4)[:1]).round(6).tolist()
    [1.386294]
    """

    inverse_link: ClassVar[str] = "softmax"
    domain: ClassVar[str] = "unit"
    granularity: ClassVar[str] = "rowwise"

    label_smoothing: ProperFraction = 0.0

    def value(self, z: Values, y: Values) -> Values:
        shifted = z - np.max(z, axis=-1, keepdims=True)
        log_sum = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
        return np.sum(self._smoothed(y) * (log_sum - shifted), axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        y = self._smoothed(y)
        return self.output.value(z) * np.sum(y, axis=-1, keepdims=True) - y

    def precise_gradient(self, z: Values, y: Values) -> Values:
        # a Σ y − y = a (Σ y − y) − (1 − a) y, and 1 − a of the largest output is the sum of the others.
        y = self._smoothed(y)
        largest = np.max(z, axis=-1, keepdims=True)
        e = np.exp(z - largest)
        equals = np.sum(np.where(z < largest, 0.0, 1.0), axis=-1, keepdims=True)
        others = np.sum(np.where(z < largest, e, 0.0), axis=-1, keepdims=True) + (equals - 1.0)
        rest = np.where(z < largest, 1.0 + others - e, others)
        return (e * (np.sum(y, axis=-1, keepdims=True) - y) - rest * y) / (1.0 + others)

    def _smoothed(self, y: Values) -> Values:
        k = np.sum(np.ones_like(y), axis=-1, keepdims=True)
        return (1.0 - self.label_smoothing) * y + self.label_smoothing / k


@register("sigmoid_focal", "binary_focal")
@dataclass(frozen=True)
class SigmoidFocal(Loss):
    """Focal loss of independent sigmoid outputs: cross-entropy with a lower weight on well-classified samples.

        C = −Σⱼ [yⱼ (1 − aⱼ)^γ ln aⱼ + (1 − yⱼ) aⱼ^γ ln(1 − aⱼ)]
        ∂C/∂z = y (1 − a)^γ (γ a ln a − (1 − a)) + (1 − y) a^γ (a − γ (1 − a) ln(1 − a))

    a = σ(z); γ is `gamma`, and γ = 0 is `SigmoidCrossEntropy`. It is meant for rare classes among many easy samples;
    its outputs are not calibrated probabilities. The α of the source is a class weight and not part of this loss.
    Lin, Goyal, Girshick, He and Dollár (2017), equation 4.

    >>> SigmoidFocal(2.0).value(np.zeros((1, 1)), np.ones((1, 1))).round(6).tolist()
    [0.173287]
    """

    inverse_link: ClassVar[str] = "sigmoid"
    domain: ClassVar[str] = "unit"

    gamma: NonNegative = 2.0

    def value(self, z: Values, y: Values) -> Values:
        no, yes = self._costs(z)
        return np.sum(y * np.exp(-self.gamma * no) * yes + (1.0 - y) * np.exp(-self.gamma * yes) * no, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        no, yes = self._costs(z)
        a, rest = self.output.value(z), self.output.value(-z)
        right = -np.exp(-self.gamma * no) * (self.gamma * a * yes + rest)
        wrong = np.exp(-self.gamma * yes) * (a + self.gamma * rest * no)
        return y * right + (1.0 - y) * wrong

    def _costs(self, z: Values) -> tuple[Values, Values]:
        """Return −ln(1 − a) and −ln a."""
        small = np.log1p(np.exp(-np.abs(z)))
        return np.maximum(z, 0.0) + small, np.maximum(-z, 0.0) + small


@register("softmax_focal", "categorical_focal")
@dataclass(frozen=True)
class SoftmaxFocal(Loss):
    """Focal loss of k mutually exclusive classes: cross-entropy with a lower weight on well-classified samples.

        C = −Σⱼ yⱼ (1 − aⱼ)^γ ln aⱼ
        ∂C/∂z = y h − a Σⱼ yⱼ hⱼ,   h = (1 − a)^γ (γ a ln a / (1 − a) − 1)

    a = softmax(z); γ is `gamma`, and γ = 0 is `SoftmaxCrossEntropy`. See `SigmoidFocal` for its use.
    Lin, Goyal, Girshick, He and Dollár (2017), equation 4, for more than two classes.

    >>> SoftmaxFocal(2.0).value(np.zeros((1, 2)), np.eye(2)[:1]).round(6).tolist()
    [0.173287]
    """

    inverse_link: ClassVar[str] = "softmax"
    domain: ClassVar[str] = "unit"
    granularity: ClassVar[str] = "rowwise"

    gamma: NonNegative = 2.0

    def value(self, z: Values, y: Values) -> Values:
        log_a = self._log(z)
        return -np.sum(y * np.power(-np.expm1(log_a), self.gamma) * log_a, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        log_a = self._log(z)
        a, rest = np.exp(log_a), -np.expm1(log_a)
        # ln a / (1 − a) is −1 where a is 1.
        ratio = np.where(rest > 0, log_a, -1.0) / np.where(rest > 0, rest, 1.0)
        h = y * np.power(rest, self.gamma) * (self.gamma * a * ratio - 1.0)
        return h - a * np.sum(h, axis=-1, keepdims=True)

    def _log(self, z: Values) -> Values:
        shifted = z - np.max(z, axis=-1, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


@register("hinge")
@dataclass(frozen=True)
class Hinge(Loss):
    """Hinge loss: the distance of each output from its side of the margin, one class against the rest.

        s = 2y − 1        C = Σⱼ max(0, 1 − sⱼ zⱼ)          ∂C/∂z = −s if s z < 1, else 0
        squared:          C = Σⱼ max(0, 1 − sⱼ zⱼ)²         ∂C/∂z = −2 s max(0, 1 − s z)

    y is 0 or 1 for each class; the decision is the sign of z, or the largest z of several classes. Samples beyond the
    margin have loss and gradient 0. The inverse link is the sigmoid, so that the decision threshold is ½, but a is a
    score and not a probability; for probabilities use a cross-entropy. The multiclass form of Crammer and Singer, which
    compares with the best wrong class, is a different loss.  Cortes and Vapnik (1995).

    >>> Hinge().value(np.array([[0.5, -2.0]]), np.array([[1.0, 0.0]])).tolist()
    [0.5]
    """

    inverse_link: ClassVar[str] = "sigmoid"
    domain: ClassVar[str] = "unit"

    squared: bool = False

    def value(self, z: Values, y: Values) -> Values:
        short = np.maximum(1.0 - (2.0 * y - 1.0) * z, 0.0)
        return np.sum(short * short if self.squared else short, axis=-1)

    def gradient(self, z: Values, y: Values) -> Values:
        s = 2.0 * y - 1.0
        short = 1.0 - s * z
        return -s * (2.0 * np.maximum(short, 0.0) if self.squared else np.where(short > 0, 1.0, 0.0))
