"""Remedies: what may help, each a change of the recipe where there is one, and the evidence that it needs."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deltarule.formulas import Adam
from deltarule.language import count_of
from deltarule.recipes import Recipe
from deltarule.recipes.edit import edited
from deltarule.recipes.options import OPTIONS, text_of
from deltarule.studies.diagnose.baselines import Baseline
from deltarule.studies.diagnose.course import Course

_NEARLY_LINEAR = 1.25
"""Certainly up to this ratio of the linear model's error to the network's, the network gains little from its size."""
_LIKELY = 0.1
_SMALL = 16
_SMALLER = 8
"""A smaller network has one hidden layer with so much fewer units than the first one now, but at most 16."""


@dataclass(frozen=True)
class Remedy:
    """What may help.

    text : a noun phrase.
    change : values of the recipe's fields by the names that `vary` takes; empty where it is no change of the recipe.

    >>> remedy = Remedy("a smaller network", {"hidden": (16,)})
    >>> str(remedy), remedy.applied(Recipe()).network.hidden, remedy.options
    ('a smaller network (hidden=16)', (16,), '--hidden 16')
    """

    text: str
    change: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        named = ", ".join(f"{name}={text_of(value)}" for name, value in self.change.items())
        return f"{self.text} ({named})" if named else self.text

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with the change."""
        return edited(recipe, self.change)

    @property
    def options(self) -> str:
        """The change as options of `deltarule train`, with `--set` for fields without one."""
        own = {option.name for option in OPTIONS}
        texts = {
            name: json.dumps(value) if isinstance(value, Mapping) else text_of(value)
            for name, value in self.change.items()
        }
        return " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(text)}"
            if name in own
            else f"--set {shlex.quote(f'{name}={text}')}"
            for name, text in texts.items()
        )


MORE_DATA = Remedy("more training samples")
REGULARIZATION = Remedy("regularization (L2, dropout)")
AUGMENTATION = Remedy("augmentation")
CLASS_WEIGHTS = Remedy("class weights, if the rare classes matter more than the accuracy")
CLEAN_SAMPLES = Remedy("no adversarial training", {"adversarial": None})
BETTER_INPUTS = Remedy("inputs that say more about the target")


@dataclass(frozen=True)
class Evidence:
    """What has been found out about a run, on which remedies rest.

    variance, bias : as in `ErrorAnalysis`; `reference` says whether bias is measured against a reference error.
    improvable : whether the validation error leaves something to gain that matters.
    learned : whether the network is better than always the same answer, or ranks the samples better than chance.
    few : whether the validation set is too small to show it. uncertain : half the width of its error's interval.
    rare : whether some classes are rare, and the accuracy no better than that of the most frequent class.
    linear_learned : whether the linear model's validation error is below that of always the same answer.
    recipe, course, linear : None where unknown.
    images : whether the inputs are images.
    """

    variance: bool = False
    bias: bool = False
    reference: bool = False
    improvable: bool = True
    learned: bool = True
    few: bool = False
    uncertain: float = 0.0
    rare: bool = False
    recipe: Recipe | None = None
    course: Course | None = None
    linear: Baseline | None = None
    linear_learned: bool = True
    images: bool = False


def remedies_for(evidence: Evidence) -> tuple[Remedy, ...]:
    """The remedies that the evidence supports, the surest first. No two of them pull in opposite directions.

    - Next to no error is left: none.
    - Nothing was learned, or bias, with adversarial training: none of it.
    - Nothing was learned: more samples where there are few, otherwise better inputs.
    - The linear model is certainly better, or with p ≤ 0.1 where there is variance: no hidden layer.
    - The validation loss turned in the first epochs and a linear model certainly comes near: a smaller network.
    - The validation loss was still falling when the epochs ran out: more epochs.
    - Variance: more samples; augmentation of images; regularization, unless there is bias or a simpler network does it.
    - Bias against a *given* reference, without variance or overfitting, and nothing of the above: a larger network.
    """
    if not evidence.improvable:
        return ()
    course = evidence.course
    overfitted = course is not None and course.overfitted
    size = _size(evidence)
    found = [size] if size is not None else []
    perturbed = evidence.recipe is not None and evidence.recipe.perturbation is not None
    if perturbed and not found and (not evidence.learned or evidence.bias):
        found.append(CLEAN_SAMPLES)
    if not evidence.learned:
        return (*found, MORE_DATA) if evidence.few or found else (BETTER_INPUTS,)
    if course is not None and course.falling and evidence.recipe is not None and not evidence.variance:
        found.append(Remedy("longer training", {"epochs": 2 * evidence.recipe.epochs}))
    if evidence.variance:
        simpler = bool(found) or (evidence.bias and evidence.reference)
        found += [MORE_DATA, *([AUGMENTATION] if evidence.images else []), *([] if simpler else [REGULARIZATION])]
    elif evidence.bias and evidence.reference and not found and not overfitted:
        found += _larger(evidence.recipe)
    return (*found, CLASS_WEIGHTS) if evidence.rare else tuple(found)


def _size(evidence: Evidence) -> Remedy | None:
    """A simpler network, where the linear model shows that it suffices."""
    linear, recipe = evidence.linear, evidence.recipe
    if linear is None or linear.validation is None or linear.difference is None or recipe is None:
        return None
    hidden = recipe.network.hidden
    if not hidden or not evidence.linear_learned:
        return None
    if linear.certain < 0 or (evidence.variance and linear.chance <= _LIKELY):
        return _no_hidden_layer(linear, recipe)
    early = evidence.course is not None and evidence.course.early
    network_error = linear.validation.value - linear.difference[0]
    if early and linear.difference[2] <= (_NEARLY_LINEAR - 1.0) * network_error:
        units = max(2, min(_SMALL, hidden[0] // _SMALLER))
        if units < hidden[0] or len(hidden) > 1:
            return Remedy("a smaller network", {"hidden": (units,)})
    return None


def _no_hidden_layer(linear: Baseline, recipe: Recipe) -> Remedy:
    """The linear model as it was tried: without its optimizer and its number of steps it may not learn enough."""
    change: dict[str, Any] = {"hidden": ()}
    tried = linear.recipe
    if tried is not None and tried.stopping is not None:
        rate = {"learning_rate": tried.optimizer.learning_rate} if isinstance(tried.optimizer, Adam) else {}
        settings: dict[str, Any] = {"optimizer": tried.optimizer.name, **rate, "schedule": tried.schedule.name}
        now: dict[str, Any] = {"optimizer": recipe.optimizer.name, "schedule": recipe.schedule.name}
        now |= {"learning_rate": getattr(recipe.optimizer, "learning_rate", None)}
        settings |= {"batch_size": tried.batch_size, "epochs": tried.epochs, "patience": tried.stopping.patience}
        now |= {"batch_size": recipe.batch_size, "epochs": recipe.epochs}
        change |= {name: value for name, value in settings.items() if now.get(name) != value}
    if recipe.perturbation is not None:
        change["adversarial"] = None
    return Remedy("no hidden layer", change)


def _larger(recipe: Recipe | None) -> list[Remedy]:
    hidden = () if recipe is None else recipe.network.hidden
    if not hidden:
        return [Remedy("a larger network")] if recipe is None else [Remedy("a hidden layer", {"hidden": (_SMALL,)})]
    return [Remedy("a larger network", {"hidden": tuple(2 * units for units in hidden)})]


@dataclass(frozen=True)
class Attempt:
    """A remedy that was tried: networks with it and with the recipe as it is, with the same seeds.

    before, after : the mean validation scores of the networks that did not fail.
    difference : after minus before over the seeds, with the ends of its 95 % interval; `p` is adjusted by Holm.
    seeds : the number of seeds.
    failed_before, failed_after : networks that diverged or learned nothing; `failure_p` is of their difference.
    """

    remedy: Remedy
    before: float
    after: float
    difference: tuple[float, float, float]
    p: float
    seeds: int
    failed_before: int = 0
    failed_after: int = 0
    failure_p: float = 1.0

    @property
    def helped(self) -> bool:
        """Whether it improved the score, or made fewer networks fail, beyond chance (p ≤ 0.05)."""
        fewer = self.failure_p <= _LEVEL and self.failed_after < self.failed_before
        return (self.p <= _LEVEL and self.difference[0] > 0) or fewer

    @property
    def harmed(self) -> bool:
        """Whether it lowered the score, or made more networks fail, beyond chance."""
        more = self.failure_p <= _LEVEL and self.failed_after > self.failed_before
        return (self.p <= _LEVEL and self.difference[0] < 0) or more

    def __str__(self) -> str:
        effect = "helped" if self.helped else "harmed" if self.harmed else "made no significant difference"
        mean, low, high = self.difference
        change = f"validation score {self.before:.4f} to {self.after:.4f}, {mean:+.4f} ({low:+.4f} to {high:+.4f})"
        failures = ""
        if self.failed_before or self.failed_after:
            failures = f"; failed: {self.failed_before} before, {self.failed_after} after, of {self.seeds}"
        shown = change if math.isfinite(mean) else f"validation score {self.after:.4f} after"
        return f"{self.remedy} {effect}: {shown}, {count_of(self.seeds, 'seed')}{failures}."

    def to_json(self) -> dict[str, Any]:
        """The attempt as data; None for numbers that are not finite."""
        numbers = {"before": self.before, "after": self.after, "p": self.p, "failure_p": self.failure_p}
        numbers |= dict(zip(("difference", "low", "high"), self.difference, strict=True))
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        counts = {"seeds": self.seeds, "failed_before": self.failed_before, "failed_after": self.failed_after}
        remedy = {"remedy": self.remedy.text, "change": dict(self.remedy.change)}
        return {**remedy, **finite, **counts, "helped": self.helped, "harmed": self.harmed}


_LEVEL = 0.05
