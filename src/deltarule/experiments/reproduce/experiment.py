"""What the founding experiments share: numbers that can be changed, a run, a result beside the published figures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np

from deltarule.data import Dataset
from deltarule.errors import RecipeError
from deltarule.formulas.formula import unknown_field
from deltarule.recipes.checks import integer
from deltarule.studies.text_table import TextTable
from deltarule.training import Training

ReportProgress: TypeAlias = Callable[[int, str], None]
"""Told after every few steps how many they were, and what is being done."""


def silent(steps: int, note: str) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True)
class Given:
    """What an experiment is given beside its own numbers.

    data : its data set, the official parts whole; None where it makes its own points.
    published : the folder of the published lists; None where there is none.
    engine : who trains.
    progress : is told how far it has come.
    """

    data: Dataset | None = None
    published: Path | None = None
    engine: str = "compiled"
    progress: ReportProgress = silent

    def trainer(self, precision: str) -> dict[str, Any]:
        """Who trains, and in which precision: float64 where published digits are to be met."""
        return {"engine": self.engine, "precision": precision}


class Result:
    """What an experiment found."""

    def to_json(self) -> dict[str, Any]:
        """The result as data."""
        raise NotImplementedError

    def tables(self) -> list[TextTable]:
        """The result in words, beside the published figures."""
        raise NotImplementedError

    def headline(self) -> dict[str, float]:
        """The figures of which mean and spread are taken when the experiment is repeated."""
        raise NotImplementedError

    def write(self, folder: Path) -> list[Path]:
        """Draw the pictures, and write what else is to be kept, into a folder that exists."""
        raise NotImplementedError


@dataclass(frozen=True)
class Experiment:
    """The numbers of an experiment; every field can be changed.

    name : what the shell calls it. dataset : the set it needs.
    """

    name: ClassVar[str] = ""
    dataset: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            for number in value if isinstance(value, tuple) else (value,):
                _check_number(each.name, number)

    @property
    def steps(self) -> int:
        """How many steps of progress a run tells."""
        raise NotImplementedError

    def repeated(self, number: int) -> Self:
        """The experiment with the seeds of its repetition `number`; 0 is the experiment itself."""
        raise NotImplementedError

    def run(self, given: Given) -> Result:
        """Do it."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Its numbers as data."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    def changes(self) -> dict[str, Any]:
        """Those of its numbers that are not the published ones."""
        return {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if getattr(self, each.name) != each.default
        }


E = TypeVar("E", bound=Experiment)


def changed(experiment: E, settings: Iterable[str]) -> E:
    """The experiment with some of its numbers set anew, each as `field=value`; several values take commas.

    >>> from deltarule.experiments.reproduce.moons import Moons
    >>> changed(Moons(), ["epochs=2000", "hidden=8,4"]).hidden
    (8, 4)
    >>> changed(Moons(), ["epoch=2000"])
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownName: Expected a field of Moons (...), got 'epoch'. Try: epochs
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise RecipeError("a setting as field=value", repr(setting), "--set epochs=20")
        unknown_field(type(experiment), {name: text})
        default = next(each.default for each in dataclasses.fields(experiment) if each.name == name)
        values[name] = _read(name, text.strip(), default)
    return dataclasses.replace(experiment, **values)


def chosen(name: str, value: Sequence[str], known: Sequence[str]) -> None:
    """Refuse what is not among the known choices of a field."""
    for each in value:
        if each not in known:
            raise RecipeError(f"some of {', '.join(known)}", repr(each), f"--set {name}={','.join(known)}", field=name)


@dataclass(frozen=True)
class Reproduction:
    """An experiment, run once or several times."""

    experiment: Experiment
    results: tuple[Result, ...]

    def to_json(self) -> dict[str, Any]:
        """The first run's result; with several runs `repeats` tells each headline's values, mean and deviation."""
        data = self.results[0].to_json()
        if len(self.results) > 1:
            data["repeats"] = {"n": len(self.results), "figures": {k: _spread(v) for k, v in self._headlines().items()}}
        return data

    def tables(self) -> list[TextTable]:
        """The first run's tables; with several runs one of mean and spread."""
        tables = self.results[0].tables()
        if len(self.results) > 1:
            rows = []
            for name, values in self._headlines().items():
                spread = _spread(values)
                figures = (spread["mean"], spread["standard_deviation"], min(values), max(values))
                rows.append((name, *(f"{figure:.6g}" for figure in figures)))
            columns = ("figure", "mean", "standard deviation", "lowest", "highest")
            title = f"Over {len(self.results)} seeds"
            tables.append(TextTable(title, columns, tuple(rows), "The tables above are those of the first seed."))
        return tables

    def _headlines(self) -> dict[str, list[float]]:
        every = [result.headline() for result in self.results]
        return {name: [each[name] for each in every] for name in every[0]}


def reproduce(experiment: Experiment, given: Given, seeds: int = 1) -> Reproduction:
    """Run an experiment, and as many repetitions with other seeds as make `seeds` runs."""
    integer("seeds", seeds, 1, "--seeds 3")
    return Reproduction(experiment, tuple(experiment.repeated(number).run(given) for number in range(seeds)))


def run_on(training: Training, given: Given, note: str, every: int = 1) -> Training:
    """Train to the end, telling the progress every few epochs."""
    done = 0
    for done, _ in enumerate(training.ahead(), start=1):
        if done % every == 0:
            given.progress(every, note)
    given.progress(done % every, note)
    return training


def needed(given: Given) -> Dataset:
    """The data set that was given."""
    assert given.data is not None
    return given.data


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.87654)
    '87.65 %'
    """
    return f"{100 * share:.2f} %"


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "values": list(values),
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)),
    }


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        integer(name, value, 0 if name.endswith("seed") else 1)
        if value >= 2**32:
            raise RecipeError("a number below 2**32", f"{value}", field=name)
    elif isinstance(value, float) and not (math.isfinite(value) and value >= 0):
        raise RecipeError("a finite number of at least 0", f"{value}", field=name)


_WORDS: Mapping[type, str] = {int: "an integer", float: "a number", str: "words"}


def _read(name: str, text: str, default: Any) -> Any:
    """The value that a text means for a field with this default."""
    if not isinstance(default, tuple):
        return _one(name, text, type(default))
    inside = text.strip("()[] ")
    kind = type(default[0])
    return tuple(_one(name, each.strip(), kind) for each in inside.split(",") if each.strip())


def _one(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text.replace("_", "")) if kind is not str else text
    except ValueError:
        raise RecipeError(_WORDS[kind], repr(text), field=name) from None
