"""The base class of losses, and that of losses with a choice of inverse link."""

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
    """A loss of each sample, and its gradient with respect to the raw output.

    z is the raw output, (n, k): the weighted sums of the last layer. y is the target, (n, k), one-hot for classes.
    `value(z, y)` is (n,), the sum over the k outputs; `gradient(z, y)` is ∂value/∂z, (n, k). The mean over samples is
    taken by the engine. `inverse_link` names the activation that turns z into the prediction a. `domain` is the set of
    valid targets: "real", "unit" for [0, 1], "non_negative" for y ≥ 0, "positive" for y > 0.
    """

    kind: ClassVar[str] = "loss"
    domain: ClassVar[str] = "real"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "link" in vars(cls):  # a user-defined loss that uses the former name of `inverse_link`
            _warn(f"`link` of {cls.__name__}")
            cls.inverse_link = property(lambda self: self.link)  # type: ignore[attr-defined]

    @property
    def output(self) -> Activation:
        """Return the inverse link as a formula: the activation that turns z into the output a."""
        return formula("activation", getattr(self, "inverse_link", "identity"))  # type: ignore[no-any-return]

    @property
    def regression_only(self) -> bool:
        """Whether the loss is for regression alone: for counts or amounts, or distances of unbounded outputs."""
        return self.domain in {"non_negative", "positive"}

    @property
    def link(self) -> str:
        """Return the former name of `inverse_link`."""
        _warn(f"`link` of {type(self).__name__}")
        return getattr(self, "inverse_link", "identity")

    def value(self, z: Values, y: Values) -> Values:
        """Return the loss of each sample, (n,)."""
        raise NotImplementedError

    def gradient(self, z: Values, y: Values) -> Values:
        """Return ∂loss/∂z, (n, k)."""
        raise NotImplementedError

    def precise_gradient(self, z: Values, y: Values) -> Values:
        """Return ∂loss/∂z with all its digits also where it is small, for what divides it by its size.

        It is `gradient`, unless that subtracts numbers which are equal for samples that are fitted well, as a − y does.
        """
        return self.gradient(z, y)


@dataclass(frozen=True)
class LinkedLoss(Loss):
    """A loss of the output a = σ(z), for any elementwise inverse link σ."""

    renamed_fields: ClassVar[Mapping[str, str]] = {"link": "inverse_link"}

    inverse_link: str = field(
        default="identity", kw_only=True, metadata={"domain": "the name of an elementwise activation"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.granularity != "elementwise":
            raise RecipeError(
                "an elementwise inverse link",
                repr(self.inverse_link),
                f'{type(self).__name__}(inverse_link="sigmoid"), or loss="softmax_cross_entropy"',
                field=f"{type(self).__name__}.inverse_link",
            )

    @property
    def regression_only(self) -> bool:
        """Whether the loss is for regression alone: the inverse link is the identity."""
        return self.output.name == "identity"


def _warn(former: str) -> None:
    message = f"{former} is deprecated and will be removed in the next version. Use: inverse_link"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
