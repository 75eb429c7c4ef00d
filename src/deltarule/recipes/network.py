"""The specification of a network: layers, activations, regularization and initialization."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from deltarule.errors import RecipeError
from deltarule.formulas import Activation, Initializer, Normalization, formula
from deltarule.formulas.formula import Spec
from deltarule.recipes.checks import fields_of, fraction, integer, non_negative
from deltarule.recipes.suggestions import explained

if TYPE_CHECKING:

    class NetworkFields(TypedDict, total=False):
        """The fields of a network, with the types that `replace` accepts."""

        hidden: int | Sequence[int]
        activation: Spec | Activation | Sequence[Spec | Activation]
        dropout: float | Sequence[float]
        noise: float | Sequence[float]
        normalization: Spec | Normalization | None
        initializer: Spec | Initializer
        bias_initializer: Spec | Initializer


@explained
@dataclass(frozen=True)
class Network:
    """A deep feedforward network, whose input and output sizes are inferred from the data.

    Parameters
    ----------
    hidden : number of units of each hidden layer; `()` gives linear, logistic or softmax regression.
    activation : one for all hidden layers, or one for each: a name, or an `Activation`. The output layer has none: the
        loss converts raw outputs to predictions.
    dropout : dropout rate. A number applies to every hidden layer; a list contains the rate of the input, then of each
        hidden layer.
    noise : standard deviation of Gaussian noise, added to scaled inputs and to activations at each training step. A
        number applies to the inputs; a list contains the value of the inputs, then of each hidden layer.
    normalization : of each hidden layer's pre-activations: "batch", "layer", a `Normalization`, or None.
    initializer : distribution of the initial weights; "auto" selects He's for rectified units, LeCun's for `SELU`, and
        Glorot's otherwise and for the output.
    bias_initializer : distribution of the initial biases, scaled by the layer's fan-in and fan-out.

    >>> Network(hidden=(128, 64), dropout=0.2).dropout_rates
    (0.0, 0.2, 0.2)
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: Activation | tuple[Activation, ...] = "relu"  # type: ignore[assignment]
    dropout: float | tuple[float, ...] = 0.0
    noise: float | tuple[float, ...] = 0.0
    normalization: Normalization | None = None
    initializer: Initializer | str = "auto"
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]

    if TYPE_CHECKING:  # the accepted types; `__post_init__` converts them

        def __init__(
            self,
            hidden: int | Sequence[int] = ...,
            activation: Spec | Activation | Sequence[Spec | Activation] = ...,
            dropout: float | Sequence[float] = ...,
            noise: float | Sequence[float] = ...,
            normalization: Spec | Normalization | None = ...,
            initializer: Spec | Initializer = ...,
            bias_initializer: Spec | Initializer = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        hidden = self.hidden if isinstance(self.hidden, Sequence) else (self.hidden,)
        hint = "hidden=(128, 64), or hidden=() for a network without hidden layers"
        set_ = object.__setattr__
        set_(self, "hidden", tuple(integer("hidden", units, 1, hint) for units in hidden))
        set_(self, "activation", self._checked_activation())
        set_(self, "dropout", self._checked_dropout())
        set_(self, "noise", self._checked_noise())
        if self.normalization is not None:
            set_(self, "normalization", formula("normalization", self.normalization))
        if self.initializer != "auto":
            set_(self, "initializer", formula("initializer", self.initializer))
        set_(self, "bias_initializer", formula("initializer", self.bias_initializer))

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        given = self.activation
        return given if isinstance(given, tuple) else (given,) * len(self.hidden)

    @property
    def dropout_rates(self) -> tuple[float, ...]:
        """The dropout rate of the input, then of each hidden layer."""
        given = self.dropout
        return given if isinstance(given, tuple) else (0.0, *(given,) * len(self.hidden))

    @property
    def noise_deviations(self) -> tuple[float, ...]:
        """The standard deviation of the noise on the input, then on each hidden layer."""
        given = self.noise
        return given if isinstance(given, tuple) else (given, *(0.0,) * len(self.hidden))

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Return the number of units of every layer, including input and output."""
        return (inputs, *self.hidden, outputs)

    def initializers(self) -> tuple[Initializer, ...]:
        """Return the distribution of each layer's initial weights."""
        if isinstance(self.initializer, Initializer):
            return (self.initializer,) * (len(self.hidden) + 1)
        output: Initializer = formula("initializer", Activation.initializer)
        return (*(formula("initializer", activation.initializer) for activation in self.activations), output)

    def to_json(self) -> dict[str, Any]:
        """Return the network as data."""
        many = isinstance(self.activation, tuple)
        return {
            "hidden": list(self.hidden),
            "activation": [each.to_json() for each in self.activations] if many else self.activation.to_json(),  # type: ignore[union-attr]
            "dropout": list(self.dropout) if isinstance(self.dropout, tuple) else self.dropout,
            "noise": list(self.noise) if isinstance(self.noise, tuple) else self.noise,
            "normalization": None if self.normalization is None else self.normalization.to_json(),
            "initializer": self.initializer.to_json() if isinstance(self.initializer, Initializer) else "auto",
            "bias_initializer": self.bias_initializer.to_json(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the network that `to_json` wrote."""
        return cls(**fields_of(cls, data))

    def replace(self, **fields: Unpack[NetworkFields]) -> Self:
        """Return a copy with other values for some fields."""
        return dataclasses.replace(self, **fields_of(type(self), fields))

    def _checked_activation(self) -> Activation | tuple[Activation, ...]:
        given = self.activation
        many = isinstance(given, Sequence) and not isinstance(given, (str, Mapping))
        specs: Sequence[Any] = given if many else (given,)  # type: ignore[assignment]
        chosen = tuple(formula("activation", each) for each in specs)
        layers = len(self.hidden)
        if many and len(chosen) == layers + 1:
            raise _output_activation(chosen)
        for activation in chosen:
            if activation.granularity != "elementwise":
                raise RecipeError(
                    "an elementwise activation for the hidden layers",
                    repr(activation.name),
                    f'Network(hidden={self.hidden}, activation="relu") with loss="softmax_cross_entropy", '
                    "which contains the softmax of the output",
                    field="activation",
                )
        if many and len(chosen) != layers:
            wanted = f"one activation, or one for each of {layers} hidden layers"
            raise RecipeError(wanted, f"{len(chosen)}", 'activation="relu"', field="activation")
        return chosen if many else chosen[0]

    def _checked_dropout(self) -> float | tuple[float, ...]:
        return self._by_layer(
            self.dropout, "dropout", "rates", "dropout=0.2, which applies to every hidden layer", fraction
        )

    def _checked_noise(self) -> float | tuple[float, ...]:
        return self._by_layer(self.noise, "noise", "deviations", "noise=0.1, which applies to the input", non_negative)

    def _by_layer(
        self, given: Any, name: str, plural: str, hint: str, checked: Callable[[str, Any, str], float]
    ) -> float | tuple[float, ...]:
        """Return one number, or a tuple of the input's and each hidden layer's."""
        single = hint.partition(",")[0]
        if isinstance(given, Real) or not isinstance(given, Sequence):
            return checked(name, given, single)
        numbers = tuple(checked(name, number, single) for number in given)
        if len(numbers) != len(self.hidden) + 1:
            wanted = f"{len(self.hidden) + 1} {name} {plural}: the input's, then one for each hidden layer"
            raise RecipeError(wanted, f"{len(numbers)}", hint, field=name)
        return numbers


def _output_activation(chosen: tuple[Activation, ...]) -> RecipeError:
    """Return the error for an output activation, which would be applied in addition to the loss's own."""
    names = [activation.name for activation in chosen]
    hidden = ", ".join(repr(name) for name in names[:-1])
    loss = {"softmax": '"softmax_cross_entropy"', "sigmoid": '"sigmoid_cross_entropy"'}.get(names[-1])
    link = f'HalfSquaredError(inverse_link="{names[-1]}")'
    return RecipeError(
        "activations for the hidden layers alone, as the loss contains the output's (applied twice, it ruins training)",
        f"one for the output too, {names[-1]!r}",
        f"activation=({hidden}{',' if len(names) == 2 else ''}) with loss={loss or link}",
        field="activation",
    )
