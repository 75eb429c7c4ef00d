"""The base classes of experiments and their results."""

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
"""Called after every few steps with their number and a description of the current task."""


ReportNetworks: TypeAlias = Callable[[int, int, str], None]
"""Called after each network of a comparison with the number done, their total, and a description."""


def silent(steps: int, note: str) -> None:
    """Do not report progress."""


def silent_networks(done: int, total: int, note: str) -> None:
    """Do not report progress of a comparison."""


@dataclass(frozen=True)
class Given:
    """Inputs of an experiment other than its settings.

    data : data set with its official split; None if the experiment generates its own points.
    published : folder of the published lists, or None.
    engine : name of the engine.
    progress : called to report the progress of an experiment as published.
    networks : called to report the progress of a fair experiment.
    folder : folder in which a fair experiment stores each trained network; an interrupted one is resumed from there.
    """

    data: Dataset | None = None
    published: Path | None = None
    engine: str = "compiled"
    progress: ReportProgress = silent
    networks: ReportNetworks = silent_networks
    folder: Path | None = None

    def trainer(self, precision: str) -> dict[str, Any]:
        """Return the engine and the precision as arguments of `epochs`; float64 reproduces published digits."""
        return {"engine": self.engine, "precision": precision}


class Result:
    """The result of an experiment."""

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        raise NotImplementedError

    def tables(self) -> list[TextTable]:
        """Return the result as tables, with the published numbers."""
        raise NotImplementedError

    def headline(self) -> dict[str, float]:
        """Return the numbers whose mean and standard deviation are reported when the experiment is repeated."""
        raise NotImplementedError

    def write(self, folder: Path) -> list[Path]:
        """Write the pictures and other files into an existing folder; return their paths."""
        raise NotImplementedError


@dataclass(frozen=True)
class Experiment:
    """The settings of an experiment.

    name : name in the shell. dataset : name of the data set it needs, or None.
    selections : settings that choose what is run, shown or smoothed, and change no result.
    """

    name: ClassVar[str] = ""
    dataset: ClassVar[str | None] = None
    selections: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            for number in value if isinstance(value, tuple) else (value,):
                _check_number(each.name, number)

    @property
    def steps(self) -> int:
        """Return the total number of steps that a run reports to `Given.progress`."""
        raise NotImplementedError

    def repeated(self, number: int) -> Self:
        """Return the experiment with the seeds of its repetition `number`; 0 is the experiment itself."""
        raise NotImplementedError

    def run(self, given: Given) -> Result:
        """Run the experiment."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    def changes(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults."""
        return {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if getattr(self, each.name) != each.default
        }

    def is_as_published(self) -> bool:
        """Whether the results are comparable to the published ones: only selections differ from the defaults."""
        return self.changes().keys() <= {*self.selections}


E = TypeVar("E", bound=Experiment)


def changed(experiment: E, settings: Iterable[str]) -> E:
    """Return the experiment with some settings changed, each given as `field=value`; lists are comma-separated.

    >>> from deltarule.experiments.reproduce.moons import Moons
    >>> changed(Moons(), ["epochs=2000", "hidden=8,4"]).hidden
    (8, 4)
    >>> changed(Moons(), ["epoch=2000"])
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownArgument: Expected a field of Moons (...), got 'epoch'. Try: epochs
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
    """Raise RecipeError if a value is not among the choices of a field."""
    for each in value:
        if each not in known:
            raise RecipeError(f"some of {', '.join(known)}", repr(each), f"--set {name}={','.join(known)}", field=name)


@dataclass(frozen=True)
class Reproduction:
    """The results of an experiment run with one or several seeds."""

    experiment: Experiment
    results: tuple[Result, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the first result; with several, `repeats` has values, mean and standard deviation of the headlines."""
        data = self.results[0].to_json()
        if len(self.results) > 1:
            data["repeats"] = {"n": len(self.results), "figures": {k: _spread(v) for k, v in self._headlines().items()}}
        return data

    def tables(self) -> list[TextTable]:
        """Return the tables of the first run; with several, also one of means and standard deviations."""
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
    """Run an experiment `seeds` times, each time with other seeds."""
    integer("seeds", seeds, 1, "--seeds 3")
    results = [experiment.run(given)]
    for number in range(1, seeds):
        folder = None if given.folder is None else given.folder / f"repeat-{number}"
        results.append(experiment.repeated(number).run(dataclasses.replace(given, folder=folder)))
    return Reproduction(experiment, tuple(results))


def run_on(training: Training, given: Given, note: str, every: int = 1) -> Training:
    """Train to the end, reporting progress every few epochs."""
    done = 0
    for done, _ in enumerate(training.ahead(), start=1):
        if done % every == 0:
            given.progress(every, note)
    given.progress(done % every, note)
    return training


def needed(given: Given) -> Dataset:
    """Return the data set of an experiment that needs one."""
    assert given.data is not None
    return given.data


def percent(share: float) -> str:
    """Return a fraction as a percentage.

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


_WORDS: Mapping[type, str] = {int: "an integer", float: "a number", str: "text"}


def _read(name: str, text: str, default: Any) -> Any:
    """Return the value of a text for a field with this default."""
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
