"""Tracking with MLflow, in a local store or on a server."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from deltarule.errors import OutputError
from deltarule.recipes import Recipe
from deltarule.tracking.bands import Band
from deltarule.tracking.tracker import Tracker, absent, flat

__all__ = ["MLflow"]

_TOGETHER = 500  # values in a request
_LONGEST = 500  # characters of a parameter


class MLflow(Tracker):
    """Records a run of an MLflow experiment.

    uri : of the tracking server or store: "http://localhost:5000", "file:///home/me/mlruns", "sqlite:///runs.db".
    experiment : its name; it is created where it does not exist.
    name : of the run.

    Needs the package mlflow, or mlflow-skinny: `pip install 'deltarule[track]'`. MLflow's global state is not used.
    """

    def __init__(self, uri: str, experiment: str = "deltarule", name: str | None = None) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise absent("mlflow-skinny") from error
        try:
            self._client = MlflowClient(tracking_uri=uri)
            found = self._client.get_experiment_by_name(experiment)
            key = self._client.create_experiment(experiment) if found is None else found.experiment_id
            self._run = self._client.create_run(key, run_name=name).info.run_id
        except Exception as error:  # MLflow's errors, and those of the library that it sends requests with
            raise OutputError("an MLflow server or store", f"{uri}: {error}"[:300]) from error

    @property
    def run_id(self) -> str:
        """The identifier of the run in MLflow."""
        return str(self._run)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values of an epoch."""
        self._log({(name, step): value for name, value in values.items()})

    def parameters(self, recipe: Recipe) -> None:
        """Record the fields of the recipe as parameters."""
        from mlflow.entities import Param

        fields = flat(recipe.to_json())
        self._send(params=[Param(name, value[:_LONGEST]) for name, value in fields.items()])

    def bands(self, bands: Sequence[Band]) -> None:
        """Record the mean and the band over the seeds of each variant of a comparison."""
        self._log(
            {
                (_metric(f"{each.variant}/{each.name}/{end}"), step): value
                for each in bands
                for end in ("mean", "lower", "upper")
                for step, value in zip(each.epochs, getattr(each, end), strict=True)
            }
        )

    def close(self) -> None:
        """End the run."""
        self._client.set_terminated(self._run)

    def _log(self, values: Mapping[tuple[str, int], float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for (name, step), value in values.items()]
        for start in range(0, len(metrics), _TOGETHER):
            self._send(metrics=metrics[start : start + _TOGETHER])

    def _send(self, **records: Any) -> None:
        try:
            self._client.log_batch(self._run, **records)
        except Exception as error:
            raise OutputError("an MLflow server or store that takes records", f"{error}"[:300]) from error


def _metric(name: str) -> str:
    """Return a name of the characters that MLflow allows."""
    return "".join(each if each.isalnum() or each in "/_-. " else "_" for each in name)
