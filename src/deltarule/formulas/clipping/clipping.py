"""Clipping: a limit to how large a gradient may be, before the optimizer sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deltarule.formulas.formula import Formula, Positive, Values, register
from deltarule.types import Floats


@dataclass(frozen=True)
class Clipping(Formula):
    """A limit on g, the gradient of the objective: of the mean loss and the penalties, but for proximal ones.

    Of granularity "elementwise": `value(g)` for each number. Of "matrix": every number is multiplied by `factor(norm)`,
    norm being that of all parameters' gradients together.
    """

    kind: ClassVar[str] = "clipping"
    granularity: ClassVar[str] = "elementwise"

    def value(self, g: Values) -> Values:
        """The gradient in place of g."""
        raise NotImplementedError

    def factor(self, norm: Values) -> Values:
        """What all gradients are multiplied by."""
        raise NotImplementedError

    def clipped(self, g: Floats) -> Floats:
        """The whole gradient, (parameters,), within its limit."""
        limited: Any = self.value(g) if self.granularity == "elementwise" else g * self.factor(np.sqrt(np.sum(g**2)))
        return np.asarray(limited)


@register("value")
@dataclass(frozen=True)
class ClipByValue(Clipping):
    """Each number of the gradient within ±c.

        g ← max(−c, min(g, c))

    c is `limit`. It turns the step's direction; `ClipByNorm` does not.  Mikolov (2012).

    >>> ClipByValue(0.5).value(np.array([-2.0, 0.1, 2.0])).tolist()
    [-0.5, 0.1, 0.5]
    """

    limit: Positive = 1.0

    def value(self, g: Values) -> Values:
        return np.maximum(-self.limit, np.minimum(g, self.limit))


@register("norm", "global_norm")
@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """The gradient of all parameters together no longer than c.

        g ← g · c / max(‖g‖, c)

    c is `limit`, ‖g‖ the root of the sum of all squares. Optimizers that divide by the gradient's size, such as Adam,
    hardly feel a limit that is always met.  Pascanu, Mikolov and Bengio (2013), algorithm 1.

    >>> ClipByNorm(1.0).clipped(np.array([3.0, 4.0])).tolist()
    [0.6000000000000001, 0.8]
    """

    granularity: ClassVar[str] = "matrix"

    limit: Positive = 1.0

    def factor(self, norm: Values) -> Values:
        return self.limit / np.maximum(norm, self.limit)
