"""What every loss offers, and those that take any inverse link."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from deltarule.errors import RecipeError
from deltarule.formulas.activations import Activation
from deltarule.formulas.formula import Formula, Values, formula


@dataclass(frozen=True)
class Loss(Formula):
    """A cost for each sample, and its gradient on the raw output.

    z is (n, k): the last layer's weighted sums. y is (n, k): targets, one-hot for classes. `value(z, y)` is (n,), the
    sum over the k outputs; `gradient(z, y)` is (n, k), ∂value/∂z. The mean over samples is taken elsewhere.
    `inverse_link` names the output's function, which turns z into the prediction a; `domain` says which y are allowed:
    "real", "unit" for [0, 1], "non_negative" for 0 and above, "positive" for above 0.
    """

    kind: ClassVar[str] = "loss"
    domain: ClassVar[str] = "real"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "link" in vars(cls):  # a user's own loss, written when `inverse_link` was called that
            _warn(f"`link` of {cls.__name__}")
            cls.inverse_link = property(lambda self: self.link)  # type: ignore[attr-defined]

    @property
    def output(self) -> Activation:
        """The inverse link as a formula: what turns z into the network's output a."""
        return formula("activation", getattr(self, "inverse_link", "identity"))  # type: ignore[no-any-return]

    @property
    def link(self) -> str:
        """Return the former name of `inverse_link`."""
        _warn(f"`link` of {type(self).__name__}")
        return getattr(self, "inverse_link", "identity")

    def value(self, z: Values, y: Values) -> Values:
        """The loss of each sample: (n,)."""
        raise NotImplementedError

    def gradient(self, z: Values, y: Values) -> Values:
        """∂loss/∂z: (n, k)."""
        raise NotImplementedError


@dataclass(frozen=True)
class LinkedLoss(Loss):
    """A loss on the output a = σ(z), for any inverse link σ of one number."""

    renamed_fields: ClassVar[Mapping[str, str]] = {"link": "inverse_link"}

    inverse_link: str = field(
        default="identity", kw_only=True, metadata={"domain": "the name of an activation of one number"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.reach != "element":
            raise RecipeError(
                "an elementwise inverse link",
                repr(self.inverse_link),
                f'{type(self).__name__}(inverse_link="sigmoid"), or loss="softmax_cross_entropy"',
                field=f"{type(self).__name__}.inverse_link",
            )


def _warn(former: str) -> None:
    message = f"{former} is deprecated and will be removed in the next version. Use: inverse_link"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
