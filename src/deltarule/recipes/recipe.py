"""The recipe: everything that decides a training run, as data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from deltarule.errors import RecipeError
from deltarule.formulas import Augmentation, Loss, Optimizer, Penalty, Schedule, formula
from deltarule.formulas.augmentations.composition import check_once
from deltarule.recipes.checks import fields_of, one_of, truth, whole
from deltarule.recipes.network import Network
from deltarule.recipes.scaling import Scaling
from deltarule.recipes.stopping import EarlyStopping

TASKS = ("auto", "classification", "regression")


@dataclass(frozen=True)
class Recipe:
    """What is to be trained, and how. Frozen, checked when made, JSON both ways.

    Parameters
    ----------
    network : a `Network`; its ends are inferred from the data.
    loss : a name or a `Loss`; "auto" takes softmax cross-entropy for classes and the squared error for numbers.
    optimizer, penalty : a name or a formula; no penalty is None.
    schedule : a name or a `Schedule`: a factor on the optimizer's learning rate from step to step. One that watches the
        validation loss has a share of train held out where there is no validation part.
    batch_size : samples in a step; the last batch of an epoch holds the rest.
    epochs : passes over the training part, at the most.
    stopping : an `EarlyStopping`, or None to run all epochs.
    scaling : of the inputs: "auto", "none", "unit", "standard", "pooled", or a number to divide by; see `Scaling`.
    target_scaling : of numbers to be predicted: "auto" (standardised under a loss with the identity as its link),
        "none" or "standard". Losses are then in units of the target's variance or deviation.
    task : "classification", "regression", or "auto": text, booleans and up to 20 distinct integers are classes.
    augmentation : changes of the training samples, new at every step: a name, an augmentation, or several of them.
    evaluate_train : take each epoch's training figures over the whole training part at its end, rather than as
        means over its batches as they were met.
    seed : decides the first weights, the order of the samples, dropout, augmentation, and a validation part
        taken from train.

    >>> recipe = Recipe(optimizer="sgd", epochs=5)
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    network: Network = field(default_factory=Network)
    loss: Loss | str = "auto"
    optimizer: Optimizer = "adam"  # type: ignore[assignment]
    penalty: Penalty | None = None
    schedule: Schedule = "constant"  # type: ignore[assignment]
    batch_size: int = 32
    epochs: int = 100
    stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    scaling: Scaling = "auto"  # type: ignore[assignment]
    target_scaling: str = "auto"
    task: str = "auto"
    augmentation: tuple[Augmentation, ...] = ()
    evaluate_train: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if not isinstance(self.network, Network):
            raise RecipeError("a Network", repr(self.network), "Recipe(network=Network(hidden=(128, 64)))")
        if self.loss != "auto":
            set_(self, "loss", formula("loss", self.loss))
        set_(self, "optimizer", formula("optimizer", self.optimizer))
        if self.penalty is not None:
            set_(self, "penalty", formula("penalty", self.penalty))
        set_(self, "schedule", formula("schedule", self.schedule))
        if self.stopping is not None and not isinstance(self.stopping, EarlyStopping):
            raise RecipeError("an EarlyStopping or None", repr(self.stopping), "stopping=EarlyStopping(patience=10)")
        set_(self, "batch_size", whole("batch_size", self.batch_size, 1, "batch_size=32"))
        set_(self, "epochs", whole("epochs", self.epochs, 1, "epochs=100"))
        set_(self, "seed", whole("seed", self.seed, 0, "seed=0"))
        if self.seed >= 2**64:
            raise RecipeError("a seed below 2**64", repr(self.seed))
        set_(self, "scaling", Scaling.of(self.scaling))
        one_of("target_scaling", self.target_scaling, ("auto", "none", "standard"))
        one_of("task", self.task, TASKS)
        set_(self, "augmentation", augmentations(self.augmentation))
        truth("evaluate_train", self.evaluate_train)

    def to_json(self) -> dict[str, Any]:
        """The recipe as data, every field named."""
        data: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if isinstance(value, tuple):
                data[each.name] = [formula.to_json() for formula in value]
            else:
                data[each.name] = value.to_json() if hasattr(value, "to_json") else value
        return data

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The recipe that `to_json` wrote. Unknown names and fields are errors; nothing is imported."""
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise RecipeError("the JSON of a recipe", f"text that is not JSON ({error})") from error
        fields = fields_of(cls, data)
        if "network" in fields:
            fields["network"] = Network.from_json(fields["network"])
        if fields.get("stopping") is not None:
            fields["stopping"] = EarlyStopping.from_json(fields["stopping"])
        return cls(**fields)

    def replace(self, **fields: Any) -> Self:
        """The same recipe with other values for some of its fields.

        >>> Recipe().replace(seed=1).seed
        1
        """
        return dataclasses.replace(self, **fields_of(type(self), fields))


def augmentations(given: Any) -> tuple[Augmentation, ...]:
    """The augmentations that a name, a formula, its JSON, or several of these mean; None is none.

    >>> augmentations(["rotation", {"name": "cutout", "size": 4}])
    (Rotation(probability=1.0, degrees=15.0), Cutout(probability=1.0, size=4))
    """
    if given is None:
        return ()
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    chosen = tuple(formula("augmentation", each) for each in several)
    check_once(chosen)
    return chosen
