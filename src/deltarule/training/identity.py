"""What decides a run, by which a checkpoint of another run is recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.data.digest import digest_of
from deltarule.errors import CheckpointError
from deltarule.models import Encoding, Model
from deltarule.recipes import Recipe
from deltarule.training.preparing import Start

__all__ = ["RunIdentity", "digest_of_samples", "digest_of_start"]

_OF_MODEL = "model "


@dataclass(frozen=True)
class RunIdentity:
    """What a run must have in common with the one that wrote a checkpoint, to continue it.

    data, start : digests of the data set, and of what replaces the recipe's initial parameters; "" where nothing does.
    name : of the data set, by which it may be loaded again.
    """

    recipe: Recipe
    engine: str
    precision: str
    record: str | None
    data: str
    start: str
    name: str

    @property
    def fine_tunes(self) -> bool:
        """Whether the run started from a model."""
        return self.start.startswith(_OF_MODEL)

    def check(self, other: RunIdentity, folder: str, *, any_start: bool = False) -> None:
        """Raise CheckpointError where a checkpoint in a folder, `other`, is that of another run.

        any_start : accept any initial parameters, which do not matter any more.
        """
        compared = ("data", "recipe", "engine", "precision", "record")
        for field in compared if any_start else (*compared, "start"):
            mine, its = getattr(self, field), getattr(other, field)
            if mine == its or (field == "recipe" and mine.to_json() == its.to_json()):
                continue
            got = f"{mine!r} instead of {its!r}" if field in {"engine", "precision", "record"} else "others"
            if field == "recipe":
                before, now = its.to_json(), mine.to_json()
                changed = [name for name in now if now[name] != before.get(name)]
                got = f"others: {', '.join(changed)} {'is' if len(changed) == 1 else 'are'} different"
            what = {"data": "samples", "recipe": "settings", "start": "initial parameters"}.get(field, field)
            raise CheckpointError(f"the {what} of the run in {folder}", got, "a new folder for another run")

    def to_json(self) -> dict[str, Any]:
        """Return the identity as data."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"recipe": self.recipe.to_json()}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what `to_json` returned; raise CheckpointError for anything else."""
        if not isinstance(data, dict) or set(data) != {each.name for each in fields(cls)}:
            raise CheckpointError(f"an object of {', '.join(each.name for each in fields(cls))}", field="run")
        for name, value in data.items():
            if name != "recipe" and not isinstance(value, str) and not (name == "record" and value is None):
                raise CheckpointError("text", f"{value!r}"[:80], field=f"run.{name}")
        return cls(**(data | {"recipe": Recipe.from_json(data["recipe"])}))


def digest_of_samples(data: Dataset, rows: Any = None, encoding: Encoding | None = None) -> str:
    """Return a digest of a run's samples: the data set, its selected rows, and how they are preprocessed."""
    parts = [digest_of(data).encode()]
    if rows is not None:
        parts.append(np.asarray(rows).tobytes())
    if encoding is not None:
        parts.append(_encoding(encoding))
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def digest_of_start(start: Start) -> str:
    """Return a digest of what replaces the recipe's initial parameters; "" where nothing does."""
    if start is None:
        return ""
    if isinstance(start, int):
        return f"seed {start}"
    digest = hashlib.sha256()
    for array in (np.asarray(each, np.float64) for each in _arrays(start)):
        digest.update(f"{array.shape}".encode() + array.tobytes())
    if isinstance(start, Model):
        digest.update(_encoding(start.encoding))
        return _OF_MODEL + digest.hexdigest()
    return digest.hexdigest()


def _arrays(start: Sequence[tuple[Any, Any]] | Model) -> list[Any]:
    """Return what is copied from initial parameters: of a model its scaling, too."""
    if not isinstance(start, Model):
        return [each for pair in start for each in pair]
    scalings = [each for each in (start.scaling, start.target_scaling) if each is not None]
    return [start.parameters, *(part for each in scalings for part in (each.shift, each.factor))]


def _encoding(encoding: Encoding | None) -> bytes:
    return b"" if encoding is None else json.dumps(encoding.to_json(), sort_keys=True).encode()
