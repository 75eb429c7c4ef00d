"""What every loss offers, and those that take any link."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from deltarule.errors import RecipeError
from deltarule.formulas.activations import Activation
from deltarule.formulas.formula import Formula, Values, formula


@dataclass(frozen=True)
class Loss(Formula):
    """A cost for each sample, and its gradient on the raw output.

    z is (n, k): the last layer's weighted sums. y is (n, k): targets, one-hot for classes. `value(z, y)` is (n,), the
    sum over the k outputs; `gradient(z, y)` is (n, k), ∂value/∂z. The mean over samples is taken elsewhere.
    `link` is the output's function, a = link(z); `domain` says which y are allowed: "real", "unit" for [0, 1],
    "non_negative" for 0 and above, "positive" for above 0.
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
class LinkedLoss(Loss):
    """A loss on the output a = link(z), for any link of one number."""

    link: str = field(default="identity", kw_only=True, metadata={"domain": "the name of an activation of one number"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.reach != "element":
            raise RecipeError(
                f"a link of one number for {type(self).__name__}",
                repr(self.link),
                f'{type(self).__name__}(link="sigmoid"), or loss="softmax_cross_entropy"',
            )
