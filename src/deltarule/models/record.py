"""The record of a model's training: data, scores, diagnosis, versions. A plain record, JSON both ways."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from deltarule.errors import ModelError

__all__ = ["Record", "Score", "versions"]

PERCENT = ("accuracy",)
"""The metrics that are fractions."""


@dataclass(frozen=True)
class Score:
    """A score on a set of samples, with its 95 % interval.

    part : the set: "train", "validation", "test", or "out of fold".
    metric : "accuracy", "r2", "rmse".
    low, high : the ends of the interval; None where the samples do not suffice for one.
    samples : their number.
    baseline : the same score of a constant prediction; None where it was not measured.

    >>> print(Score("test", "accuracy", 0.95, 0.9105, 0.9739, 180, 0.1))
    95.00 % (91.05 to 97.39)
    """

    part: str
    metric: str
    value: float
    low: float | None
    high: float | None
    samples: int
    baseline: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.value, self.low, self.high, self.baseline)
        finite = all(each is None or (type(each) is float and math.isfinite(each)) for each in numbers)
        types = [(self.part, str), (self.metric, str), (self.value, float), (self.samples, int)]
        if not finite or not all(type(each) is kind for each, kind in types) or self.samples < 1:
            raise ModelError("a score of a metric on samples", f"{self!r}"[:80], field="record.scores")

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return self.text(self.value)
        ends = (self.text(each).removesuffix(" %") for each in (self.low, self.high))
        return f"{self.text(self.value)} ({' to '.join(ends)})"

    def text(self, value: float) -> str:
        """Return a value of the metric as text."""
        if self.metric in PERCENT:
            return f"{100 * value:.2f} %"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


@dataclass(frozen=True)
class Record:
    """What is known of a model's training beside its recipe.

    data : the name of the data; "" where they have none.
    samples : the number of samples of each set.
    epochs, best_epoch : the number of epochs, and the one whose weights the model has.
    status : how training ended: "finished", "stopped" (early), "interrupted" or "diverged"; "" of an imported model.
    scores : of the model, on each set.
    diagnosis : sentences on bias, variance and what may help.
    versions : of deltarule, Python and NumPy.
    source : of an imported model: the library or the format that it is from.

    >>> record = Record(data="iris", samples=(("train", 120),), epochs=20, best_epoch=17, status="stopped")
    >>> Record.from_json(record.to_json()) == record
    True
    """

    data: str = ""
    samples: tuple[tuple[str, int], ...] = ()
    epochs: int = 0
    best_epoch: int = 0
    status: str = ""
    scores: tuple[Score, ...] = ()
    diagnosis: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        types = {"data": str, "status": str, "source": str, "epochs": int, "best_epoch": int}
        for name, kind in types.items():
            if type(getattr(self, name)) is not kind:
                raise ModelError(f"{kind.__name__}", f"{getattr(self, name)!r}"[:80], field=f"record.{name}")
        if not 0 <= self.best_epoch <= self.epochs:
            raise ModelError(f"an epoch from 0 to {self.epochs}", f"{self.best_epoch}", field="record.best_epoch")
        if not all(type(name) is str and type(count) is int and count >= 0 for name, count in self.samples):
            raise ModelError("numbers of samples", f"{self.samples}"[:80], field="record.samples")
        texts = (*self.diagnosis, *(each for pair in self.versions for each in pair))
        if not all(type(each) is str for each in texts):
            raise ModelError("texts", f"{texts}"[:80], field="record.diagnosis and versions")

    def replace(self, **fields: Any) -> Self:
        """Return a copy with other values for some fields."""
        return dataclasses.replace(self, **fields)

    def to_json(self) -> dict[str, Any]:
        """Return the record as data."""
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return data | {
            "samples": dict(self.samples),
            "versions": dict(self.versions),
            "scores": [dataclasses.asdict(each) for each in self.scores],
            "diagnosis": list(self.diagnosis),
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the record that `to_json` wrote; raise ModelError for anything else."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(data, Mapping) or set(data) != known:
            raise ModelError(f"the fields {', '.join(sorted(known))}", f"{data!r}"[:80], field="record")
        if not isinstance(data["scores"], list) or not isinstance(data["diagnosis"], list):
            raise ModelError("lists", f"{data['scores']!r}"[:80], field="record.scores and diagnosis")
        pairs = {}
        for name in ("samples", "versions"):
            if not isinstance(data[name], Mapping):
                raise ModelError("an object", f"{data[name]!r}"[:80], field=f"record.{name}")
            pairs[name] = tuple(data[name].items())
        scores = tuple(_score(each) for each in data["scores"])
        return cls(**{**data, **pairs, "scores": scores, "diagnosis": tuple(data["diagnosis"])})


def _score(data: Any) -> Score:
    known = {field.name for field in dataclasses.fields(Score)}
    if not isinstance(data, Mapping) or set(data) != known:
        raise ModelError(f"the fields {', '.join(sorted(known))}", f"{data!r}"[:80], field="record.scores")
    return Score(**data)


def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of what computes a model, by name."""
    own = sys.modules["deltarule"].__version__  # importing the package from within would be a circle
    python = ".".join(map(str, sys.version_info[:3]))
    return (("deltarule", own), ("Python", python), ("NumPy", np.__version__))
