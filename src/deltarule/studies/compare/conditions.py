"""Conditions that all trials of a comparison share, and the training of a trial under them, on any machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from deltarule.data import Dataset
from deltarule.errors import ClusterError, Diverged
from deltarule.models import Model
from deltarule.studies.compare.machine import version
from deltarule.studies.compare.seeds import resplit
from deltarule.studies.compare.trial import Finished, Trial
from deltarule.training import Training, evaluate

Outcome: TypeAlias = tuple[Finished, Model | None]
"""The record of a trained network, and its model if models are kept."""

_SPLITS = 2
"""Number of splits that are held at a time, as trials come seed by seed."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions that all trials of a comparison share. They are sent to a worker once, before its trials.

    data : with a validation set; a trial may split it again.
    part : "test" or "validation": the set on which a judged network is evaluated.
    record, engine : as in `train`.
    models : whether the models of judged networks are returned too.
    deltarule : the version, which must be that of every worker.
    """

    data: Dataset
    part: str
    record: str | None
    engine: str
    models: bool
    deltarule: str = field(default_factory=version)
    _splits: dict[int | None, tuple[Dataset, dict[Any, Any]]] = field(default_factory=dict, repr=False)

    def outcome(self, trial: Trial, interrupted: Callable[[], bool] = lambda: False) -> Outcome | None:
        """Train the network of a trial on one thread and evaluate it once; None if it was interrupted.

        interrupted : called about twenty times a second.

        Raises ClusterError if this version of deltarule is not that of the calling process.
        """
        if self.deltarule != version():
            came = f"{version()} on a worker"
            raise ClusterError(f"deltarule {self.deltarule} on all machines", came, "the same version everywhere")
        if interrupted():
            return None
        data, scalings = self._data_of(trial.split)
        training = Training(
            trial.recipe,
            data,
            engine=self.engine,
            precision=trial.precision,
            n_threads=1,
            initial_parameters=trial.start,
            record=self.record,
            scalings=scalings,
        )
        with contextlib.suppress(Diverged):
            training.finish(interrupted)
        run = training.run
        if run.status == "interrupted":
            return None
        found = evaluate(run.model, data.parts[self.part]) if trial.judged else None
        return Finished.of(trial, run, found), run.model if self.models and trial.judged else None

    def _data_of(self, split: int | None) -> tuple[Dataset, dict[Any, Any]]:
        """Return the data of a trial, and the scalings fitted on them."""
        found = self._splits.get(split)
        if found is None:
            found = (self.data if split is None else resplit(self.data, split), {})
            self._splits[split] = found
            for old in list(self._splits)[:-_SPLITS]:
                self._splits.pop(old, None)
        return found
