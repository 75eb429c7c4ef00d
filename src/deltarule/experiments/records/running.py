"""Run a record: train its networks one after the other, and continue where an interrupted run stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deltarule.data import Dataset
from deltarule.data.digest import digest_of
from deltarule.errors import DataError, OutputError, RecipeError
from deltarule.experiments.records.record import ImageRecord
from deltarule.experiments.records.result import RecordResult, SeedResult
from deltarule.models import Model, load_model
from deltarule.models.ensemble import Ensemble
from deltarule.recipes import Recipe
from deltarule.regular_files import JSON_AT_MOST, json_of, read_bytes, read_json, reason
from deltarule.training.checkpoints import Checkpoints
from deltarule.training.folder import check_free
from deltarule.training.locking import FolderLock
from deltarule.training.loop import Training
from deltarule.writing import append_lines, remove_parts, write_whole

__all__ = ["RecordRun", "held_out"]

PLAN, NETWORKS, RESULT, CHECKPOINT = "record.json", "networks.jsonl", "result.json", "checkpoint"
FORMAT = "deltarule-record-1"
HELD_OUT = 10_000
"""Training images held out for validation, at most a sixth of them."""
_CHECK = 0.2  # seconds of training between two reports of progress

Report = Callable[[int, int, str], None]
"""Called with the number of epochs done, their total, and a description."""


def held_out(official: Dataset) -> Dataset:
    """Return a data set whose test set is held out of the training set: 50,000 and 10,000 images of 60,000.

    The images are those of `with_validation(seed=0)`, stratified by class, and the same for all seeds of a record. The
    official test set is not used.
    """
    made = official.with_validation(size=min(HELD_OUT, len(official.train) // 6), seed=0)
    return replace(made, validation=None, test=made.validation)


@dataclass(frozen=True)
class RecordRun:
    """A record and how it is run.

    official : the data set with its official split.
    seeds : one result each.
    quick : whether networks are trained for a tenth of the epochs.
    validation : whether the error is that of 10,000 held-out training images, in place of the test set's.
    engine : name of the engine. precision : of the compiled engine; None for the record's.
    folder : for the models and the results; a run that was interrupted continues. None keeps nothing.

    What belongs to the folder: `record.json`, what is run; `networks.jsonl`, a line for each trained network;
    `models/seed-S-network-N.safetensors`; `checkpoint/`, of the network in training; `result.json`.
    """

    record: ImageRecord
    official: Dataset
    seeds: Sequence[int]
    quick: bool = False
    validation: bool = False
    engine: str = "compiled"
    folder: Path | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise RecipeError("different seeds, at least one", f"{list(self.seeds)}", "--seeds 5", field="seeds")
        if self.official.test is None:
            raise DataError("a data set with a test set", f"{self.official!r}")

    def run(self, report: Report | None = None, interrupted: Callable[[], bool] = lambda: False) -> RecordResult | None:
        """Train all networks and return the result; None where `interrupted` became true before the end.

        Raises OutputError where the folder contains something else, Diverged where a network diverges.
        """
        data = held_out(self.official) if self.validation else self.official
        plan = self._plan(data)
        with nullcontext() if self.folder is None else _opened(self.folder, plan):
            progress = _Progress(report, sum(map(self._epochs, self.seeds)))
            found = []
            for seed in self.seeds:
                result = self._seed(seed, data, progress, interrupted)
                if result is None:
                    return None
                found.append(result)
            assert data.test is not None
            made = RecordResult(self.record, tuple(found), len(data.test), self.quick, self.validation)
            if self.folder is not None:
                text = json.dumps(made.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
                write_whole(self.folder / RESULT, f"{text}\n".encode())
                with suppress(OSError):
                    (self.folder / CHECKPOINT).rmdir()
        return made

    @property
    def precision_used(self) -> str:
        """The precision of the products: the one requested, or the record's; other engines have one only."""
        return self.precision or (self.record.precision if self.engine == "compiled" else "float32")

    def _plan(self, data: Dataset) -> dict[str, Any]:
        """Return what is run but for the seeds, of which more can be added."""
        return {
            "format": FORMAT,
            "record": self.record.name,
            "quick": self.quick,
            "validation": self.validation,
            "engine": self.engine,
            "precision": self.precision_used,
            "data": digest_of(data),
            "recipes": [recipe.to_json() for recipe in self.record.seeded(0, quick=self.quick)],
        }

    def _epochs(self, seed: int) -> int:
        return sum(recipe.epochs for recipe in self.record.seeded(seed, quick=self.quick))

    def _seed(
        self, seed: int, data: Dataset, progress: _Progress, interrupted: Callable[[], bool]
    ) -> SeedResult | None:
        networks, seconds = [], 0.0
        for place, recipe in enumerate(self.record.seeded(seed, quick=self.quick)):
            progress.note = f"seed {seed}" + (f", network {place + 1}" if self.record.networks > 1 else "")
            trained = self._network(seed, place, recipe, data, progress, interrupted)
            if trained is None:
                return None
            networks.append(trained[0])
            seconds += trained[1]
        model = networks[0] if len(networks) == 1 else Ensemble(networks)
        assert data.test is not None
        copies = self.record.average_over or None
        began = time.perf_counter()
        error = 100.0 * (1.0 - model.score(data.test.x, data.test.y, average_over=copies))
        predicting = time.perf_counter() - began
        each = [error]
        if len(networks) > 1:
            each = [100.0 * (1.0 - one.score(data.test.x, data.test.y, average_over=copies)) for one in networks]
        return SeedResult(seed, error, seconds + predicting, tuple(each))

    def _network(
        self, seed: int, place: int, recipe: Recipe, data: Dataset, progress: _Progress, interrupted: Callable[[], bool]
    ) -> tuple[Model, float] | None:
        """Return a trained network and the seconds of its training; None where training was interrupted."""
        kept = None if self.folder is None else _kept(self.folder, seed, place)
        if kept is not None:
            progress.advance(recipe.epochs)
            return kept
        checkpoints = None if self.folder is None else Checkpoints(self.folder / CHECKPOINT, result=False)
        training = Training(recipe, data, engine=self.engine, precision=self.precision_used).keep(checkpoints)
        progress.advance(training.delivered)
        for _ in training.ahead(_CHECK, interrupted):
            progress.advance(1)
        run = training.run
        if run.status == "interrupted":
            return None
        if self.folder is not None and checkpoints is not None:
            _keep(self.folder, seed, place, run.model, run.seconds)
            checkpoints.discard()
        return run.model, run.seconds


class _Progress:
    """The epochs done so far."""

    def __init__(self, report: Report | None, total: int) -> None:
        self._report, self._total, self._done, self.note = report, total, 0, ""

    def advance(self, epochs: int) -> None:
        self._done += epochs
        if self._report is not None:
            self._report(self._done, self._total, self.note)


@contextmanager
def _opened(folder: Path, plan: dict[str, Any]) -> Iterator[None]:
    """Hold a new folder, or that of the same run."""
    path = folder / PLAN
    if path.exists():
        try:
            known = read_json(path)
        except (OSError, ValueError) as error:
            raise OutputError("the folder of a record", f"{path}: {reason(error)}", "a new folder") from error
        if known != plan:
            unlike = [name for name in plan if not isinstance(known, dict) or known.get(name) != plan[name]]
            raise OutputError("the folder of the same record", f"{folder}: another {unlike[0]}", "a new folder")
    else:
        check_free(folder)
    try:
        (folder / "models").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("a folder for the results", f"{folder}: {reason(error)}") from error
    with FolderLock(folder, "record").held():
        for each in (folder, folder / "models"):
            remove_parts(each)
        write_whole(path, f"{json.dumps(plan, indent=1)}\n".encode())
        yield


def _path_of(folder: Path, seed: int, place: int) -> Path:
    return folder / "models" / f"seed-{seed}-network-{place + 1}.safetensors"


def _keep(folder: Path, seed: int, place: int, model: Model, seconds: float) -> None:
    """Write a trained network, and then the line that makes it count."""
    model.save(_path_of(folder, seed, place))
    line = {"seed": seed, "network": place + 1, "seconds": round(seconds, 3)}
    append_lines(folder / NETWORKS, f"{json.dumps(line)}\n", flush=True)


def _kept(folder: Path, seed: int, place: int) -> tuple[Model, float] | None:
    """Return the trained network of a folder, and the seconds of its training; None where there is none."""
    try:
        lines = read_bytes(folder / NETWORKS, JSON_AT_MOST).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError("a readable networks.jsonl", f"{folder}: {reason(error)}") from error
    for text in lines:
        try:
            line = json_of(text)
        except ValueError:  # a line that was cut short: its network is trained again
            continue
        if isinstance(line, dict) and (line.get("seed"), line.get("network")) == (seed, place + 1):
            seconds = line.get("seconds")
            if isinstance(seconds, int | float) and _path_of(folder, seed, place).is_file():
                return load_model(_path_of(folder, seed, place)), float(seconds)
    return None
