"""Adversarial perturbations: changes of the inputs that increase the loss, made before each training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, Values, register


@dataclass(frozen=True)
class Perturbation(Formula):
    """A change of each sample's inputs along the gradient of its loss, which makes the sample harder.

    x (n, d) are the scaled inputs of a batch, and g (n, d) = ∂C/∂x, the gradient of its mean loss. `perturbed` may take
    sums along a row, for example for the norm of a sample's gradient.
    """

    kind: ClassVar[str] = "perturbation"
    granularity: ClassVar[str] = "rowwise"

    def perturbed(self, x: Values, g: Values) -> Values:
        """Return the changed inputs, (n, d)."""
        raise NotImplementedError


@register("fast_gradient", "fgm")
@dataclass(frozen=True)
class FastGradient(Perturbation):
    """Fast gradient method: move each sample by a Euclidean distance ε along the gradient of its loss.

        x ← x + ε g / ‖g‖

    ε is `epsilon`, in units of the scaled inputs. A sample whose gradient is 0 stays as it is. The gradient is divided
    by its largest component first: squares of small numbers are 0 in float32.
    Miyato, Maeda, Koyama and Ishii (2018), section 3.1.

    >>> FastGradient(2.0).perturbed(np.zeros((1, 2)), np.array([[3.0, -4.0]])).tolist()
    [[1.2, -1.6]]
    """

    epsilon: Positive = 1.0

    def perturbed(self, x: Values, g: Values) -> Values:
        u = g / np.maximum(np.max(np.abs(g), axis=-1, keepdims=True), 1e-30)
        norm = np.sqrt(np.sum(u**2, axis=-1, keepdims=True))
        return x + self.epsilon * u / np.maximum(norm, 1.0)


@register("fast_gradient_sign", "fgsm")
@dataclass(frozen=True)
class FastGradientSign(Perturbation):
    """Fast gradient sign method: change each input by ε, in the direction that increases the loss.

        x ← x + ε sign(g)

    ε is `epsilon`, in units of the scaled inputs.  Goodfellow, Shlens and Szegedy (2015), section 4.

    >>> FastGradientSign(0.1).perturbed(np.zeros((1, 2)), np.array([[3.0, -4.0]])).tolist()
    [[0.1, -0.1]]
    """

    epsilon: Positive = 0.1

    def perturbed(self, x: Values, g: Values) -> Values:
        return x + self.epsilon * np.sign(g)
