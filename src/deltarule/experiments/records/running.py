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
from deltarule.training.run import Run
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
    `models/seed-S-network-N.safetensors`, and with `-before-fine-tuning` where it is trained in two stages;
    `checkpoint/`, with a folder for each network in training; `result.json`.
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
        stages = self.record.stages(0, quick=self.quick)
        further = [each.to_json() for _, *later in stages for each in later]
        return {
            "format": FORMAT,
            "record": self.record.name,
            "quick": self.quick,
            "validation": self.validation,
            "engine": self.engine,
            "precision": self.precision_used,
            "data": digest_of(data),
            "recipes": [recipe.to_json() for recipe, *_ in stages],
            **({"fine_tuning": further} if further else {}),
        }

    def _epochs(self, seed: int) -> int:
        return sum(recipe.epochs for stages in self.record.stages(seed, quick=self.quick) for recipe in stages)

    def _seed(
        self, seed: int, data: Dataset, progress: _Progress, interrupted: Callable[[], bool]
    ) -> SeedResult | None:
        networks, seconds = [], 0.0
        for place, recipes in enumerate(self.record.stages(seed, quick=self.quick)):
            progress.note = f"seed {seed}" + (f", network {place + 1}" if self.record.networks > 1 else "")
            stages = [_Stage(seed, place + 1, recipe, last=recipe is recipes[-1]) for recipe in recipes]
            trained = self._network(stages, data, progress, interrupted)
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
        self, stages: Sequence[_Stage], data: Dataset, progress: _Progress, interrupted: Callable[[], bool]
    ) -> tuple[Model, float] | None:
        """Return a network after its stages, and the seconds of training; None where training was interrupted."""
        model, seconds, done = None, 0.0, 0
        for number in reversed(range(1, len(stages) + 1)):
            kept = None if self.folder is None else stages[number - 1].kept(self.folder)
            if kept is not None:
                (model, seconds), done = kept, number
                break
        for stage in stages[:done]:
            progress.advance(stage.recipe.epochs)
            if self.folder is not None:
                stage.finish(self.folder)
        for stage in stages[done:]:
            run = self._trained(stage, model, data, progress, interrupted)
            if run.status == "interrupted":
                return None
            model, seconds = run.model, seconds + run.seconds
            if self.folder is not None:
                stage.keep(self.folder, model, seconds)
        assert model is not None
        return model, seconds

    def _trained(
        self,
        stage: _Stage,
        start: Model | None,
        data: Dataset,
        progress: _Progress,
        interrupted: Callable[[], bool],
    ) -> Run:
        training = Training(
            stage.recipe, data, engine=self.engine, precision=self.precision_used, initial_parameters=start
        ).keep(None if self.folder is None else stage.checkpoints(self.folder))
        progress.advance(training.delivered)
        for _ in training.ahead(_CHECK, interrupted):
            progress.advance(1)
        return training.run


@dataclass(frozen=True)
class _Stage:
    """Training of a network of a seed by one recipe: the last, or the one before fine-tuning. Networks count from 1."""

    seed: int
    network: int
    recipe: Recipe
    last: bool

    @property
    def _name(self) -> str:
        return f"seed-{self.seed}-network-{self.network}" + ("" if self.last else "-before-fine-tuning")

    @property
    def _line(self) -> dict[str, Any]:
        stage = {} if self.last else {"stage": "before fine-tuning"}
        return {"seed": self.seed, "network": self.network, **stage}

    def _path(self, folder: Path) -> Path:
        return folder / "models" / f"{self._name}.safetensors"

    def checkpoints(self, folder: Path) -> Checkpoints:
        """Return where the state of training is kept."""
        return Checkpoints(folder / CHECKPOINT / self._name, result=False)

    def finish(self, folder: Path) -> None:
        """Remove the state of training."""
        checkpoints = self.checkpoints(folder)
        checkpoints.discard()
        with suppress(OSError):
            checkpoints.path.rmdir()

    def keep(self, folder: Path, model: Model, seconds: float) -> None:
        """Write the network, then the line that makes it count, with the seconds of all its stages."""
        model.save(self._path(folder))
        line = self._line | {"seconds": round(seconds, 3)}
        append_lines(folder / NETWORKS, f"{json.dumps(line)}\n", flush=True)
        self.finish(folder)

    def kept(self, folder: Path) -> tuple[Model, float] | None:
        """Return the network of a folder, and the seconds of its training; None where there is none."""
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
            seconds = line.pop("seconds", None) if isinstance(line, dict) else None
            if line == self._line and isinstance(seconds, int | float) and self._path(folder).is_file():
                return load_model(self._path(folder)), float(seconds)
        return None


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
            given = known if isinstance(known, dict) else {}
            unlike = next((name for name in plan | given if given.get(name) != plan.get(name)), PLAN)
            raise OutputError("the folder of the same record", f"{folder}: another {unlike}", "a new folder")
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
