"""What all trials of a comparison share, and a trial carried out under it, on whatever machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from deltarule.data import Dataset
from deltarule.errors import ClusterError, Diverged
from deltarule.models import Model
from deltarule.studies.compare.machine import version
from deltarule.studies.compare.seeds import dealt_anew
from deltarule.studies.compare.trial import Finished, Trial
from deltarule.training import Training, evaluate

Outcome: TypeAlias = tuple[Finished, Model | None]
"""A trained network in figures, and the network itself where it is kept."""

_DEALT = 2
"""So many splits are held at a time: trials come seed by seed."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """What all trials of a comparison share. It travels to a worker once; trials follow.

    data : with a validation part; a trial may have it dealt out anew.
    part : "test" or "validation": where a judged network is evaluated.
    record, engine, precision : as `train` has them.
    models : whether networks that are judged come back too.
    deltarule : the version, which every worker has to have.
    """

    data: Dataset
    part: str
    record: str | None
    engine: str
    precision: str
    models: bool
    deltarule: str = field(default_factory=version)
    _dealt: dict[int | None, tuple[Dataset, dict[Any, Any]]] = field(default_factory=dict, repr=False)

    def outcome(self, trial: Trial, interrupted: Callable[[], bool] = lambda: False) -> Outcome | None:
        """Train the network of a trial on one thread and evaluate it once; None where it was interrupted.

        interrupted : asked some twenty times a second.

        Raises ClusterError where this is another version of deltarule than that of the one who asks.
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
            precision=self.precision,
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
        """The data of a trial, and the scalings that were learnt of them."""
        found = self._dealt.get(split)
        if found is None:
            found = (self.data if split is None else dealt_anew(self.data, split), {})
            self._dealt[split] = found
            for old in list(self._dealt)[:-_DEALT]:
                self._dealt.pop(old, None)
        return found
