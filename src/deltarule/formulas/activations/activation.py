"""What every activation offers: a = σ(z), and the slope ∂a/∂z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.formulas.formula import Formula, Values


@dataclass(frozen=True)
class Activation(Formula):
    """A function of one number, next to its derivative.

    `value(z)` and `slope(z, a)` work on numbers and on arrays of any shape; `slope` is given a = value(z) as well,
    since many derivatives are shorter in a.
    """

    kind: ClassVar[str] = "activation"
    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: Values) -> Values:
        """σ(z)."""
        raise NotImplementedError

    def slope(self, z: Values, a: Values) -> Values:
        """∂σ/∂z, where a = σ(z)."""
        raise NotImplementedError
