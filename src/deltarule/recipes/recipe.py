"""The recipe: the full specification of a training run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypedDict, Unpack

from deltarule.errors import RecipeError
from deltarule.formulas import (
    Augmentation,
    Averaging,
    Clipping,
    Constraint,
    Loss,
    Optimizer,
    Penalty,
    Perturbation,
    Schedule,
    formula,
)
from deltarule.formulas.augmentations.composition import check_once
from deltarule.formulas.formula import Spec, normalized
from deltarule.formulas.metrics import metric_names
from deltarule.markup import card, details
from deltarule.recipes.checks import boolean, fields_of, integer, later_fields, non_negative, one_of
from deltarule.recipes.groups import ParameterGroups
from deltarule.recipes.network import Network
from deltarule.recipes.preparation import Preparation
from deltarule.recipes.scaling import Scaling
from deltarule.recipes.stopping import EarlyStopping
from deltarule.recipes.suggestions import explained
from deltarule.regular_files import json_of, reason

ClassWeight: TypeAlias = tuple[tuple[Any, float], ...] | str | None

TASKS = ("auto", "classification", "multilabel", "regression")
_STOPPING = "stopping=EarlyStopping(patience=10)"
LOSSES_BY_TASK = ("auto", "cross_entropy")
"""Losses that are chosen by the task once the data are known."""


if TYPE_CHECKING:

    class RecipeFields(TypedDict, total=False):
        """The fields of a recipe, with the types that `replace` accepts."""

        network: Network
        loss: Spec | Loss
        optimizer: Spec | Optimizer
        penalty: Spec | Penalty | Sequence[Spec | Penalty | None] | None
        schedule: Spec | Schedule
        clipping: Spec | Clipping | None
        constraint: Spec | Constraint | None
        averaging: Spec | Averaging | None
        class_weight: ClassWeight | Mapping[Any, float] | Sequence[Sequence[Any]]
        batch_size: int
        epochs: int
        stopping: EarlyStopping | None
        scaling: str | float | Scaling
        preparation: Preparation | Mapping[str, Any]
        target_scaling: str
        task: str
        augmentation: Spec | Augmentation | Sequence[Spec | Augmentation] | None
        evaluate_train: bool
        seed: int
        metrics: str | Sequence[str] | None
        groups: ParameterGroups | Mapping[str, Any]
        dropout_schedule: Spec | Schedule | None
        decay_schedule: Spec | Schedule | None
        drop_last: bool
        clamp_predictions: bool
        perturbation: Spec | Perturbation | None


@explained
@dataclass(frozen=True)
class Recipe:
    """Specification of a network and its training: frozen, validated, and convertible to and from JSON.

    Parameters
    ----------
    network : a `Network`; its input and output sizes are inferred from the data.
    loss : a name or a `Loss`; "auto" selects softmax cross-entropy for classification, sigmoid cross-entropy for
        several labels a sample, and the squared error for regression; "cross_entropy" selects softmax cross-entropy for
        classification, and sigmoid cross-entropy for labels and for regression on targets from 0 to 1.
    optimizer : a name or an `Optimizer`.
    penalty : a name or a `Penalty` on all weights; or a list with one or None for each layer; or None.
    schedule : a name or a `Schedule`: the factor on the optimizer's learning rate at each step. For a schedule that
        monitors the validation loss, a validation set is split off the training set where there is none.
    clipping, constraint, averaging : a `Clipping` of the gradient, a `Constraint` of the weights after each step, an
        `Averaging` of the weights, whose average becomes the model; or None.
    class_weight : weight of each class's samples in training: {label: weight}, 1 for other labels; "balanced" for
        n / (classes · samples of the class); or None.
    batch_size : samples per batch; the last batch of an epoch may be smaller.
    epochs : maximum number of epochs.
    stopping : an `EarlyStopping`, or None to run all epochs.
    scaling : of the inputs: "auto", "none", "unit", "standard", "pooled", or a divisor; see `Scaling`.
    preparation : preprocessing of tables; see `Preparation`. It has no effect on arrays.
    target_scaling : of regression targets: "auto" ("standard" if the loss's inverse link is the identity), "none" or
        "standard". Losses are then in units of the target's variance or standard deviation.
    task : "classification"; "regression"; "multilabel", several labels a sample, y (n, k) of 0 and 1; or "auto": the
        declared type of the target decides; otherwise text, booleans and up to 20 distinct integers are classes, unless
        the integers come with a loss for regression alone and no class weights; integers or booleans (n, k), all 0 or
        1, are labels.
    augmentation : random transformations of the training samples at each step: a name, an augmentation, or a list.
    evaluate_train : evaluate the training set at the end of each epoch, rather than averaging the metrics of its
        batches during training.
    seed : random seed of the initial weights, the shuffling, dropout, augmentation, and a validation set split off
        the training set.
    metrics : names of metrics of the validation set that are computed after each epoch: "roc_auc", "balanced_accuracy",
        "rmse", or any scorer of scikit-learn; see `deltarule.formulas.metrics`.
    groups : factors on the optimizer's learning rate, ε and weight decay for groups of parameters: `ParameterGroups`,
        or {"biases": 0.1, "scale": ParameterGroup(learning_rate=6.0)}.
    dropout_schedule, decay_schedule : a `Schedule` whose factor at each step multiplies the dropout rates, or the
        optimizer's weight decay; or None.
    drop_last : leave out the last batch of an epoch where it is smaller than the others.
    clamp_predictions : hold the predictions of a regression within the range of the training targets.
    perturbation : a name or a `Perturbation` of each batch's inputs before the step: adversarial training; or None. The
        gradient that it follows is that of the batch's loss without noise and dropout. Training metrics are those of
        the changed samples, unless `evaluate_train` is set. A step takes about 1.75 times as long.

    >>> recipe = Recipe(optimizer="sgd", epochs=5)
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    network: Network = field(default_factory=Network)
    loss: Loss | str = "auto"
    optimizer: Optimizer = "adam"  # type: ignore[assignment]
    penalty: Penalty | tuple[Penalty | None, ...] | None = None
    schedule: Schedule = "constant"  # type: ignore[assignment]
    clipping: Clipping | None = None
    constraint: Constraint | None = None
    averaging: Averaging | None = None
    class_weight: ClassWeight = None
    batch_size: int = 32
    epochs: int = 100
    stopping: EarlyStopping | None = field(default_factory=EarlyStopping)
    scaling: Scaling = "auto"  # type: ignore[assignment]
    preparation: Preparation = field(default_factory=Preparation)
    target_scaling: str = "auto"
    task: str = "auto"
    augmentation: tuple[Augmentation, ...] = ()
    evaluate_train: bool = False
    seed: int = 0
    metrics: tuple[str, ...] = ()
    groups: ParameterGroups = field(default_factory=ParameterGroups)
    dropout_schedule: Schedule | None = None
    decay_schedule: Schedule | None = None
    drop_last: bool = False
    clamp_predictions: bool = False
    perturbation: Perturbation | None = None

    if TYPE_CHECKING:  # the accepted types; `__post_init__` converts them

        def __init__(
            self,
            network: Network = ...,
            loss: Spec | Loss = ...,
            optimizer: Spec | Optimizer = ...,
            penalty: Spec | Penalty | Sequence[Spec | Penalty | None] | None = ...,
            schedule: Spec | Schedule = ...,
            clipping: Spec | Clipping | None = ...,
            constraint: Spec | Constraint | None = ...,
            averaging: Spec | Averaging | None = ...,
            class_weight: ClassWeight | Mapping[Any, float] | Sequence[Sequence[Any]] = ...,
            batch_size: int = ...,
            epochs: int = ...,
            stopping: EarlyStopping | None = ...,
            scaling: str | float | Scaling = ...,
            preparation: Preparation | Mapping[str, Any] = ...,
            target_scaling: str = ...,
            task: str = ...,
            augmentation: Spec | Augmentation | Sequence[Spec | Augmentation] | None = ...,
            evaluate_train: bool = ...,
            seed: int = ...,
            metrics: str | Sequence[str] | None = ...,
            groups: ParameterGroups | Mapping[str, Any] = ...,
            dropout_schedule: Spec | Schedule | None = ...,
            decay_schedule: Spec | Schedule | None = ...,
            drop_last: bool = ...,
            clamp_predictions: bool = ...,
            perturbation: Spec | Perturbation | None = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if not isinstance(self.network, Network):
            raise RecipeError(
                "a Network", repr(self.network), "Recipe(network=Network(hidden=(128, 64)))", field="network"
            )
        set_(self, "loss", _loss(self.loss))
        set_(self, "optimizer", formula("optimizer", self.optimizer))
        set_(self, "penalty", self._checked_penalty())
        for kind in ("clipping", "constraint", "averaging", "perturbation"):
            if getattr(self, kind) is not None:
                set_(self, kind, formula(kind, getattr(self, kind)))
        set_(self, "class_weight", class_weight(self.class_weight))
        set_(self, "schedule", formula("schedule", self.schedule))
        if self.stopping is not None and not isinstance(self.stopping, EarlyStopping):
            raise RecipeError("an EarlyStopping or None", repr(self.stopping), _STOPPING, field="stopping")
        set_(self, "batch_size", integer("batch_size", self.batch_size, 1, "batch_size=32"))
        set_(self, "epochs", integer("epochs", self.epochs, 1, "epochs=100"))
        set_(self, "seed", integer("seed", self.seed, 0, "seed=0"))
        if self.seed >= 2**64:
            raise RecipeError("an integer below 2**64", repr(self.seed), "seed=0", field="seed")
        set_(self, "scaling", Scaling.of(self.scaling))
        set_(self, "preparation", Preparation.of(self.preparation))
        set_(self, "target_scaling", one_of("target_scaling", self.target_scaling, ("auto", "none", "standard")))
        set_(self, "task", one_of("task", self.task, TASKS))
        set_(self, "augmentation", augmentations(self.augmentation))
        set_(self, "metrics", metric_names(self.metrics))
        for name in ("evaluate_train", "drop_last", "clamp_predictions"):
            boolean(name, getattr(self, name))
        set_(self, "groups", ParameterGroups.from_json(self.groups))
        self.groups.check(len(self.network.hidden) + 1)
        for name in ("dropout_schedule", "decay_schedule"):
            if getattr(self, name) is not None:
                set_(self, name, self._checked_schedule(name))
        self._check_optimizer()
        self._check_perturbation()

    @property
    def watched_metrics(self) -> tuple[str, ...]:
        """The names of the metrics computed after each epoch: `metrics` and the one that early stopping monitors."""
        monitored = None if self.stopping is None else self.stopping.metric
        return tuple(dict.fromkeys((*self.metrics, *([monitored] if monitored else []))))

    @property
    def penalties(self) -> tuple[Penalty | None, ...]:
        """The penalty on each layer's weights, the output layer's last."""
        given = self.penalty
        return given if isinstance(given, tuple) else (given,) * (len(self.network.hidden) + 1)

    def to_json(self, *, all_fields: bool = False) -> dict[str, Any]:
        """Return the recipe as data.

        all_fields : whether to include fields that files of earlier versions lack and that have their defaults.
        """
        data: dict[str, Any] = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            later = {"all_fields": all_fields} if isinstance(value, (Network, EarlyStopping, Preparation)) else {}
            data[each.name] = value.to_json(**later) if hasattr(value, "to_json") else value
        if isinstance(self.penalty, tuple):
            data["penalty"] = [None if penalty is None else penalty.to_json() for penalty in self.penalty]
        if isinstance(self.class_weight, tuple):
            data["class_weight"] = [list(pair) for pair in self.class_weight]
        data["augmentation"] = [each.to_json() for each in self.augmentation]
        return data if all_fields else later_fields(data, _LATER, _LATER)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the recipe that `to_json` wrote. Unknown names and fields are errors; nothing is imported."""
        if isinstance(data, str):
            try:
                data = json_of(data)
            except ValueError as error:
                raise RecipeError("the JSON of a recipe", reason(error)) from error
        fields = fields_of(cls, data)
        if "network" in fields:
            fields["network"] = Network.from_json(fields["network"])
        if fields.get("stopping") is not None:
            fields["stopping"] = EarlyStopping.from_json(fields["stopping"])
        return cls(**fields)

    def replace(self, **fields: Unpack[RecipeFields]) -> Self:
        """Return a copy with other values for some fields.

        >>> Recipe().replace(seed=1).seed
        1
        """
        return dataclasses.replace(self, **fields_of(type(self), fields))

    def _repr_html_(self) -> str:
        """Return the fields that differ from the defaults, and all of them in an element that opens, for a notebook."""
        mine, usual = self.to_json(all_fields=True), Recipe().to_json(all_fields=True)
        rows = [(name, _short(value)) for name, value in mine.items() if value != usual[name]]
        title = "" if rows else "with the defaults"
        return card("Recipe", title, rows, details("All fields", mine))

    def _checked_schedule(self, name: str) -> Schedule:
        schedule: Schedule = formula("schedule", getattr(self, name))
        if schedule.watches:
            wanted = "a schedule that does not depend on the validation loss"
            raise RecipeError(wanted, schedule.name, f'{name}="flat_cosine"', field=name)
        return schedule

    def _check_optimizer(self) -> None:
        """Raise RecipeError for fields that are undefined for the optimizer."""
        optimizer, ntk = self.optimizer, self.network.parametrization == "ntk"
        if ntk and optimizer.degree is None:
            raise RecipeError(
                'parametrization="standard"',
                f'"ntk" with {optimizer.name}',
                'optimizer="adam"',
                field="network.parametrization",
            )
        if self.groups != ParameterGroups() and optimizer.granularity != "elementwise":
            raise RecipeError("no groups", f"groups with {optimizer.name}", 'optimizer="adam"', field="groups")

    def _check_perturbation(self) -> None:
        """Raise RecipeError for networks that adversarial training does not support."""
        if self.perturbation is None:
            return
        network = self.network
        for what, given in (("an embedding", network.embedding is not None), ("members", network.members > 1)):
            if given:
                wanted, instead = "a network without embedding and members", "perturbation=None, or --adversarial none"
                raise RecipeError(wanted, f"one with {what}", instead, field="perturbation")

    def _checked_penalty(self) -> Penalty | tuple[Penalty | None, ...] | None:
        given: Any = self.penalty
        if given is None or isinstance(given, (str, Mapping, Penalty)):
            return None if given is None else formula("penalty", given)
        if not isinstance(given, Sequence):
            wanted = "a penalty, a list with one for each layer, or None"
            raise RecipeError(wanted, repr(given), "penalty=L2(1e-4)", field="penalty")
        chosen = tuple(None if each is None else formula("penalty", each) for each in given)
        layers = len(self.network.hidden) + 1
        if len(chosen) != layers:
            wanted = f"{layers} penalties, one or None for each layer, the output's last"
            raise RecipeError(
                wanted, f"{len(chosen)}", "penalty=L2(1e-4), which applies to every layer", field="penalty"
            )
        return chosen


_LATER: dict[str, Any] = {
    "metrics": (),
    "groups": ParameterGroups().to_json(),
    "dropout_schedule": None,
    "decay_schedule": None,
    "drop_last": False,
    "clamp_predictions": False,
    "perturbation": None,
}
"""Fields that files of earlier versions lack, with the JSON of their defaults."""


def _short(value: Any) -> str:
    """Return the JSON of a field in one line: a formula as a call."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name}={_short(each)}" for name, each in value.items() if name != "name")
        return f"{value.get('name', '')}({inside})"
    return f"[{', '.join(map(_short, value))}]" if isinstance(value, (list, tuple)) else repr(value)


def _loss(given: Any) -> Loss | str:
    """Convert a name, a formula or its JSON to a loss; names of losses chosen by the task are returned as they are."""
    by_task = next((name for name in LOSSES_BY_TASK if normalized(given) == normalized(name)), None)
    return by_task or formula("loss", given)


def class_weight(given: Any) -> ClassWeight:
    """Convert class weights to a recipe's form: pairs of a label and its weight, "balanced", or None.

    >>> class_weight({"yes": 2, "no": 1})
    (('yes', 2.0), ('no', 1.0))
    """
    if given is None or given == "balanced":
        return given  # type: ignore[no-any-return]
    hint = 'class_weight={"yes": 2.0, "no": 1.0}, or "balanced"'
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif (
        isinstance(given, Sequence)
        and not isinstance(given, str)
        and all(isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2 for pair in given)
    ):
        pairs = [(label, weight) for label, weight in given]
    else:
        raise RecipeError("weights of classes", repr(given), hint, field="class_weight")
    made = tuple((_label(label), non_negative("class_weight", weight, hint)) for label, weight in pairs)
    if not made or len({label for label, _ in made}) != len(made):
        raise RecipeError("a weight for at least one class, each named once", repr(given), hint, field="class_weight")
    return made


def _label(label: Any) -> Any:
    plain = label.item() if hasattr(label, "item") else label
    if not isinstance(plain, (str, int, float, bool)):
        raise RecipeError("labels of the data: text, numbers or booleans", repr(label), field="class_weight")
    return plain


def augmentations(given: Any) -> tuple[Augmentation, ...]:
    """Convert a name, a formula, its JSON, or a list of these to augmentations; None gives none.

    >>> augmentations(["rotation", {"name": "cutout", "size": 4}])
    (Rotation(probability=1.0, degrees=15.0), Cutout(probability=1.0, size=4))
    """
    if given is None:
        return ()
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    chosen = tuple(formula("augmentation", each) for each in several)
    check_once(chosen)
    return chosen
