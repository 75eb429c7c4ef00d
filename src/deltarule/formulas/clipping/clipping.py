"""Gradient clipping, applied before the optimizer step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, Values, register
from deltarule.types import Floats


@dataclass(frozen=True)
class Clipping(Formula):
    """A limit on g, the gradient of the objective (the mean loss and the penalties, except proximal ones).

    `granularity` "elementwise": `value(g)` is applied to each number. "matrix": the gradient is multiplied by
    `factor(norm)`, where norm is the Euclidean norm of the gradient of all parameters.
    """

    kind: ClassVar[str] = "clipping"
    granularity: ClassVar[str] = "elementwise"

    def value(self, g: Values) -> Values:
        """Return the clipped gradient."""
        raise NotImplementedError

    def factor(self, norm: Values) -> Values:
        """Return the factor on the whole gradient."""
        raise NotImplementedError

    def clipped(self, g: Floats) -> Floats:
        """Return the whole gradient clipped, (parameters,)."""
        limited: Any = self.value(g) if self.granularity == "elementwise" else g * self.factor(np.sqrt(np.sum(g**2)))
        return np.asarray(limited)


@register("value")
@dataclass(frozen=True)
class ClipByValue(Clipping):
    """Clip each component of the gradient to [−c, c].

        g ← max(−c, min(g, c))

    c is `limit`. It changes the direction of the gradient; `ClipByNorm` does not.  Mikolov (2012).

    >>> ClipByValue(0.5).value(np.array([-2.0, 0.1, 2.0])).tolist()
    [-0.5, 0.1, 0.5]
    """

    limit: Positive = 1.0

    def value(self, g: Values) -> Values:
        return np.maximum(-self.limit, np.minimum(g, self.limit))


@register("norm", "global_norm")
@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """Scale the gradient of all parameters to a norm of at most c.

        g ← g · c / max(‖g‖, c)

    c is `limit`, ‖g‖ the Euclidean norm. Optimizers that divide by the size of the gradient, for example Adam, are
    hardly affected if every gradient exceeds the limit.  Pascanu, Mikolov and Bengio (2013), algorithm 1.

    >>> ClipByNorm(1.0).clipped(np.array([3.0, 4.0])).tolist()
    [0.6000000000000001, 0.8]
    """

    granularity: ClassVar[str] = "matrix"

    limit: Positive = 1.0

    def factor(self, norm: Values) -> Values:
        return self.limit / np.maximum(norm, self.limit)
