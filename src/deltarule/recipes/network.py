"""The specification of a network: layers, activations, regularization and initialization."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from deltarule.errors import RecipeError
from deltarule.formulas import Activation, Embedding, Initializer, Normalization, formula
from deltarule.formulas.formula import Spec
from deltarule.recipes.checks import (
    boolean,
    fields_of,
    finite,
    fraction,
    integer,
    later_fields,
    non_negative,
    one_of,
)
from deltarule.recipes.suggestions import explained

if TYPE_CHECKING:

    class NetworkFields(TypedDict, total=False):
        """The fields of a network, with the types that `replace` accepts."""

        hidden: int | Sequence[int]
        activation: Spec | Activation | Sequence[Spec | Activation]
        dropout: float | Sequence[float]
        noise: float | Sequence[float]
        normalization: Spec | Normalization | None
        initializer: Spec | Initializer | Sequence[Spec | Initializer]
        bias_initializer: Spec | Initializer | Sequence[Spec | Initializer]
        input_scale: bool
        parametric_activation: float | None
        parametrization: str
        embedding: Spec | Embedding | None
        category_embedding: int
        members: int
        member_form: str
        noise_before_activation: bool


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
        Glorot's otherwise and for the output. A list contains one for each layer, the output's last.
    bias_initializer : distribution of the initial biases, scaled by the layer's fan-in and fan-out; or a list.
    input_scale : whether each input of the first layer has a trained factor, 1 at the start.
    parametric_activation : None; or the initial value of a trained α of each hidden unit, whose output is
        z + α (σ(z) − z): 1 for the activation σ itself, 0 for the identity.
    parametrization : "standard"; or "ntk", the neural tangent parametrization: training proceeds as if the weights were
        W / √fan_in with trained W, which is a factor on the learning rate of each layer's weights (and on ε).
    embedding : of numeric inputs: "pbld", an `Embedding`, or None. Arrays are numeric; of a table's inputs, those of
        numbers are, but not one-hot inputs and indicators.
    category_embedding : size of the trained vector of each category, where the preparation of a table gives codes.
    members : number of networks in one, which share the weights of the hidden layers. Training minimizes the mean of
        their losses; a prediction is the mean of theirs.
    member_form : "batch_ensemble", where each hidden layer has factors on its inputs and its weighted sums, and biases,
        for each member; or "mini", where only the inputs of the first layer have factors.
    noise_before_activation : whether the noise of hidden layers is added to their pre-activations, after normalization,
        instead of their activations.

    >>> Network(hidden=(128, 64), dropout=0.2).dropout_rates
    (0.0, 0.2, 0.2)
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: Activation | tuple[Activation, ...] = "relu"  # type: ignore[assignment]
    dropout: float | tuple[float, ...] = 0.0
    noise: float | tuple[float, ...] = 0.0
    normalization: Normalization | None = None
    initializer: Initializer | str | tuple[Initializer | str, ...] = "auto"
    bias_initializer: Initializer | tuple[Initializer, ...] = "zeros"  # type: ignore[assignment]
    input_scale: bool = False
    parametric_activation: float | None = None
    parametrization: str = "standard"
    embedding: Embedding | None = None
    category_embedding: int = 8
    members: int = 1
    member_form: str = "batch_ensemble"
    noise_before_activation: bool = False

    if TYPE_CHECKING:  # the accepted types; `__post_init__` converts them

        def __init__(
            self,
            hidden: int | Sequence[int] = ...,
            activation: Spec | Activation | Sequence[Spec | Activation] = ...,
            dropout: float | Sequence[float] = ...,
            noise: float | Sequence[float] = ...,
            normalization: Spec | Normalization | None = ...,
            initializer: Spec | Initializer | Sequence[Spec | Initializer] = ...,
            bias_initializer: Spec | Initializer | Sequence[Spec | Initializer] = ...,
            input_scale: bool = ...,
            parametric_activation: float | None = ...,
            parametrization: str = ...,
            embedding: Spec | Embedding | None = ...,
            category_embedding: int = ...,
            members: int = ...,
            member_form: str = ...,
            noise_before_activation: bool = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        given: Any = self.hidden
        hidden = given if isinstance(given, Sequence) else (given,)
        hint = "hidden=(128, 64), or hidden=() for a network without hidden layers"
        set_ = object.__setattr__
        set_(self, "hidden", tuple(integer("hidden", units, 1, hint) for units in hidden))
        set_(self, "activation", self._checked_activation())
        set_(self, "dropout", self._checked_dropout())
        set_(self, "noise", self._checked_noise())
        if self.normalization is not None:
            set_(self, "normalization", formula("normalization", self.normalization))
        set_(self, "initializer", self._checked_initializer("initializer"))
        set_(self, "bias_initializer", self._checked_initializer("bias_initializer"))
        boolean("input_scale", self.input_scale)
        if self.parametric_activation is not None:
            start = finite("parametric_activation", self.parametric_activation, "parametric_activation=1.0, or None")
            set_(self, "parametric_activation", start)
        set_(self, "parametrization", one_of("parametrization", self.parametrization, ("standard", "ntk")))
        if self.embedding is not None:
            set_(self, "embedding", formula("embedding", self.embedding))
        integer("category_embedding", self.category_embedding, 1, "category_embedding=8")
        integer("members", self.members, 1, "members=32")
        set_(self, "member_form", one_of("member_form", self.member_form, ("batch_ensemble", "mini")))
        boolean("noise_before_activation", self.noise_before_activation)
        self._check_members()

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
        usual = [activation.initializer for activation in self.activations] + [Activation.initializer]
        chosen = zip(self._by_layers(self.initializer), usual, strict=True)
        return tuple(each if isinstance(each, Initializer) else formula("initializer", auto) for each, auto in chosen)

    def bias_initializers(self) -> tuple[Initializer, ...]:
        """Return the distribution of each layer's initial biases."""
        return self._by_layers(self.bias_initializer)

    def to_json(self, *, all_fields: bool = False) -> dict[str, Any]:
        """Return the network as data.

        all_fields : whether to include fields that files of earlier versions lack and that have their defaults.
        """
        data = self._all_fields()
        return data if all_fields else later_fields(data, _LATER, _LATER)

    def _all_fields(self) -> dict[str, Any]:
        many = isinstance(self.activation, tuple)
        return {
            "hidden": list(self.hidden),
            "activation": [each.to_json() for each in self.activations] if many else self.activation.to_json(),  # type: ignore[union-attr]
            "dropout": list(self.dropout) if isinstance(self.dropout, tuple) else self.dropout,
            "noise": list(self.noise) if isinstance(self.noise, tuple) else self.noise,
            "normalization": None if self.normalization is None else self.normalization.to_json(),
            "initializer": _json(self.initializer),
            "bias_initializer": _json(self.bias_initializer),
            "input_scale": self.input_scale,
            "parametric_activation": self.parametric_activation,
            "parametrization": self.parametrization,
            "embedding": None if self.embedding is None else self.embedding.to_json(),
            "category_embedding": self.category_embedding,
            "members": self.members,
            "member_form": self.member_form,
            "noise_before_activation": self.noise_before_activation,
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

    def _check_members(self) -> None:
        """Raise RecipeError for what is undefined for several members."""
        if self.members == 1:
            return
        fitted = any(each.fits for each in (*self.initializers(), *self.bias_initializers()))
        if not self.hidden:
            raise RecipeError("hidden layers for members to share", "none", "hidden=(512, 512)", field="hidden")
        alone = {
            "a normalization": self.normalization is not None,
            "an initializer that depends on the data": fitted,
            "noise_before_activation=True": self.noise_before_activation,
        }
        for what, given in alone.items():
            if given:
                raise RecipeError(f"1 with {what}", f"{self.members}", "members=1", field="members")

    def _checked_initializer(self, name: str) -> Any:
        given: Any = getattr(self, name)
        many = isinstance(given, Sequence) and not isinstance(given, str)
        automatic = ("auto",) if name == "initializer" else ()
        chosen = tuple(
            "auto" if each in automatic else formula("initializer", each) for each in (given if many else (given,))
        )
        role = "weights" if automatic else "biases"
        for each in chosen:
            if isinstance(each, Initializer) and each.fits not in (None, role):
                raise RecipeError(
                    f"an initializer of {role}", repr(each.name), f"{each.name!r} for the {each.fits}", field=name
                )
        layers = len(self.hidden) + 1
        if many and len(chosen) != layers:
            wanted = f"one initializer, or one for each of {layers} layers, the output's last"
            raise RecipeError(wanted, f"{len(chosen)}", f'{name}="{"auto" if automatic else "zeros"}"', field=name)
        return chosen if many else chosen[0]

    def _by_layers(self, given: Any) -> tuple[Any, ...]:
        return given if isinstance(given, tuple) else (given,) * (len(self.hidden) + 1)

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


_LATER = {
    "input_scale": False,
    "parametric_activation": None,
    "parametrization": "standard",
    "embedding": None,
    "category_embedding": 8,
    "members": 1,
    "member_form": "batch_ensemble",
    "noise_before_activation": False,
}
"""Fields that files of earlier versions lack, with their defaults."""


def _json(initializer: Any) -> Any:
    if isinstance(initializer, tuple):
        return [_json(each) for each in initializer]
    return initializer.to_json() if isinstance(initializer, Initializer) else initializer


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
