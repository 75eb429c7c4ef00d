"""Groups of parameters, and factors on an optimizer's hyperparameters for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from deltarule.errors import RecipeError
from deltarule.recipes.checks import fields_of, non_negative
from deltarule.recipes.suggestions import explained


@explained
@dataclass(frozen=True)
class ParameterGroup:
    """Factors on an optimizer's learning rate, ε and weight decay for a group of parameters.

    A decoupled weight decay multiplies parameters by 1 − η λ · learning_rate · decay: the factor on the learning rate
    applies to it, too. Without weight decay or ε in the optimizer, their factors have no effect.

    >>> ParameterGroup(learning_rate=0.1).to_json()
    {'learning_rate': 0.1, 'epsilon': 1.0, 'decay': 1.0}
    """

    learning_rate: float = 1.0
    epsilon: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            label, hint = f"ParameterGroup.{each.name}", f"ParameterGroup({each.name}=1.0)"
            object.__setattr__(self, each.name, non_negative(label, getattr(self, each.name), hint))

    def to_json(self) -> dict[str, float]:
        """Return the factors as data."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, spec: Any) -> ParameterGroup:
        """Convert a factor on the learning rate, or JSON, to a group's factors."""
        if isinstance(spec, (int, float)):
            return cls(learning_rate=spec)
        return spec if isinstance(spec, ParameterGroup) else cls(**fields_of(cls, spec))


ByLayer: TypeAlias = ParameterGroup | tuple[ParameterGroup, ...]
_Given: TypeAlias = "float | Mapping[str, float] | ParameterGroup"


@explained
@dataclass(frozen=True)
class ParameterGroups:
    """The factors of each group of parameters; all are 1 by default.

    weights : of all layers; or a list with one for each layer, the output's last.
    biases : of all layers; or a list.
    normalization : γ and β.
    scale : of the inputs' trained factors, `Network(input_scale=True)`.
    slopes : of parametric activations.
    embeddings : of numbers, the parameters of `Network(embedding=...)`.
    categories : the tables of `Network(category_embedding=...)`.
    members : factors of each member of `Network(members=...)`; its biases are biases.

    A number stands for a factor on the learning rate.

    >>> groups = ParameterGroups(biases=0.1, weights=[1.0, 1.0, {"decay": 0.0}])
    >>> groups.biases.learning_rate, groups.weights[2].decay
    (0.1, 0.0)
    """

    weights: ByLayer = ParameterGroup()
    biases: ByLayer = ParameterGroup()
    normalization: ParameterGroup = ParameterGroup()
    scale: ParameterGroup = ParameterGroup()
    slopes: ParameterGroup = ParameterGroup()
    embeddings: ParameterGroup = ParameterGroup()
    categories: ParameterGroup = ParameterGroup()
    members: ParameterGroup = ParameterGroup()

    if TYPE_CHECKING:  # the accepted types; `__post_init__` converts them

        def __init__(
            self,
            weights: _Given | Sequence[_Given] = ...,
            biases: _Given | Sequence[_Given] = ...,
            normalization: _Given = ...,
            scale: _Given = ...,
            slopes: _Given = ...,
            embeddings: _Given = ...,
            categories: _Given = ...,
            members: _Given = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            given: Any = getattr(self, each.name)
            many = each.name in _BY_LAYER and isinstance(given, Sequence) and not isinstance(given, str)
            made = tuple(map(ParameterGroup.of, given)) if many else ParameterGroup.of(given)
            object.__setattr__(self, each.name, made)

    def of(self, name: str, layer: int = 0) -> ParameterGroup:
        """Return the factors of a group, by its name; of weights and biases, those of a layer."""
        found: ByLayer = getattr(self, name)
        return found[layer] if isinstance(found, tuple) else found

    def check(self, layers: int) -> None:
        """Raise RecipeError for a list with another length than the number of layers."""
        for name in _BY_LAYER:
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != layers:
                wanted = f"one group of {name}, or {layers} groups, one for each layer, the output's last"
                hint = f"groups={{{name!r}: 0.1}}, which applies to every layer"
                raise RecipeError(wanted, f"{len(given)}", hint, field=f"groups.{name}")

    def to_json(self) -> dict[str, Any]:
        """Return the groups as data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, spec: Any) -> ParameterGroups:
        """Convert a mapping from names of groups to their factors. Unknown names are errors."""
        return spec if isinstance(spec, ParameterGroups) else cls(**fields_of(cls, spec))


_BY_LAYER = ("weights", "biases")
