"""A checkpoint: all that decides how a run continues, as one safetensors file with strict JSON in its metadata."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Figure, Problem
from deltarule.engines.state import EngineState
from deltarule.errors import CheckpointError, DeltaruleError, ModelFileError
from deltarule.models.tensor_file import Tensors, object_of, read_tensor_file, tensor_file_bytes
from deltarule.regular_files import opened, reason
from deltarule.training.identity import RunIdentity
from deltarule.training.monitoring import MonitorState
from deltarule.types import Floats

__all__ = ["Checkpoint", "check_state"]

FORMAT = "deltarule-checkpoint-1"
_FIELD, _CHECKSUM = "deltarule", "sha256"
_COUNTS = ("epoch", "batch", "step", "best_epoch", "monitor_best_epoch", "delivered")
_TRUTHS = ("finished", "monitor_finished", "monitored", "stopped")
_ENGINE = ("parameters", "average", "best", "slots", "sums", "losses", "schedule")
_NUMBERS = ("best_value", "epoch_seconds", "monitor_best_value", "seconds")
_OPTIONAL = {"average", "monitor.best_theta"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run after any step.

    figures : the engine's metrics of the epochs so far (epochs, `Figure`).
    batch_losses : those recorded, an array for each epoch.
    monitor : of the validation metrics; None where the recipe names none.
    seconds : duration of training so far.
    stopped : whether the caller has stopped the run.
    delivered : number of epochs that the caller has been given.
    """

    run: RunIdentity
    state: EngineState
    figures: Floats
    batch_losses: list[Floats]
    monitor: MonitorState | None
    seconds: float
    stopped: bool
    delivered: int

    def to_bytes(self) -> bytes:
        """Return the content of a file."""
        state, monitor = self.state, self.monitor
        tensors: Tensors = {name: getattr(state, name) for name in _ENGINE if getattr(state, name) is not None}
        tensors["figures"] = self.figures
        tensors["batch_losses"] = np.concatenate([np.zeros(0), *self.batch_losses])
        tensors["batches"] = np.array([len(each) for each in self.batch_losses], np.float64)
        best = math.nan if monitor is None else monitor.best_value
        tensors["numbers"] = np.array([state.best_value, state.seconds, best, self.seconds])
        if monitor is not None:
            tensors["monitor.table"] = monitor.table
            if monitor.best_theta is not None:
                tensors["monitor.best_theta"] = monitor.best_theta
        data = {
            "format": FORMAT,
            "run": self.run.to_json(),
            **{name: getattr(state, name) for name in _COUNTS[:4]},
            "monitor_best_epoch": 0 if monitor is None else monitor.best_epoch,
            "delivered": self.delivered,
            "finished": bool(state.finished),
            "monitor_finished": monitor is not None and bool(monitor.finished),
            "monitored": monitor is not None,
            "stopped": self.stopped,
        }
        text = json.dumps(data, allow_nan=False)
        return tensor_file_bytes(tensors, {_FIELD: text, _CHECKSUM: _checksum(text, tensors)})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return the checkpoint in a file.

        Raises CheckpointError where it is missing, damaged or foreign.
        """
        try:
            with opened(path) as stream:
                found = read_tensor_file(stream, field=_FIELD, finite=False)
            return cls._of(found.metadata, found.tensors)
        except OSError as error:
            raise CheckpointError("a checkpoint", f"{path}: {reason(error)}") from error
        except (ModelFileError, CheckpointError) as error:
            expected = error.expected.replace("model", "checkpoint")
            raise CheckpointError(expected, f"{path}: {error.value or 'something else'}", field=error.field) from error
        except (DeltaruleError, TypeError, ValueError, LookupError, OverflowError, MemoryError) as error:
            raise CheckpointError("a checkpoint written by deltarule", f"{path}: {reason(error)}") from error

    @classmethod
    def _of(cls, metadata: Mapping[str, str], tensors: Tensors) -> Self:
        text = metadata[_FIELD]
        if metadata.get(_CHECKSUM) != _checksum(text, tensors):
            raise CheckpointError("a checkpoint whose checksum is right", "a damaged one")
        data = object_of(text, "the metadata")
        _check_fields(data)
        _check_tensors(tensors, monitored=data["monitored"])
        best_value, epoch_seconds, monitor_best, seconds = tensors["numbers"].tolist()
        state = EngineState(
            epoch=data["epoch"],
            batch=data["batch"],
            step=data["step"],
            finished=data["finished"],
            best_epoch=data["best_epoch"],
            best_value=best_value,
            seconds=epoch_seconds,
            parameters=tensors["parameters"],
            average=tensors.get("average"),
            best=tensors["best"],
            slots=tensors["slots"],
            sums=tensors["sums"],
            losses=tensors["losses"],
            schedule=tensors["schedule"],
        )
        ends = np.cumsum(tensors["batches"]).astype(np.int64)
        losses, figures = tensors["batch_losses"], tensors["figures"]
        if len(ends) and (ends[-1] != len(losses) or (tensors["batches"] < 0).any()):
            raise CheckpointError(f"{int(ends[-1])} losses of batches", f"{len(losses)}")
        epochs = len(figures)
        if (
            epochs != state.epoch
            or data["delivered"] > epochs
            or max(data["best_epoch"], data["monitor_best_epoch"]) > epochs
        ):
            raise CheckpointError(f"the metrics of {state.epoch} epochs", f"those of {epochs}")
        monitor = None
        if data["monitored"]:
            best_theta = tensors.get("monitor.best_theta")
            found = (monitor_best, data["monitor_best_epoch"], best_theta, data["monitor_finished"])
            monitor = MonitorState(tensors["monitor.table"], *found)
        batch_losses = np.split(losses, ends[:-1]) if len(ends) else []
        run = RunIdentity.from_json(data["run"])
        return cls(run, state, figures, batch_losses, monitor, seconds, data["stopped"], data["delivered"])


def _check_fields(data: dict[str, Any]) -> None:
    """Raise CheckpointError where the JSON is not that of a checkpoint."""
    if data.get("format") != FORMAT:
        raise CheckpointError(f"the format {FORMAT}", f"{data.get('format')!r}"[:80], field="format")
    expected = {"format", "run", *_COUNTS, *_TRUTHS}
    if set(data) != expected:
        raise CheckpointError(f"the fields {', '.join(sorted(expected))}", f"{', '.join(map(str, data))}"[:200])
    for name in _COUNTS:
        if type(data[name]) is not int or not 0 <= data[name] < 2**62:
            raise CheckpointError("an integer of at least 0", f"{data[name]!r}"[:80], field=name)
    for name in _TRUTHS:
        if type(data[name]) is not bool:
            raise CheckpointError("true or false", f"{data[name]!r}"[:80], field=name)


def _check_tensors(tensors: Tensors, *, monitored: bool) -> None:
    """Raise CheckpointError where tensors are missing or of other shapes than all checkpoints have."""
    needed = {*_ENGINE, "figures", "batch_losses", "batches", "numbers"} | ({"monitor.table"} if monitored else set())
    if not needed - _OPTIONAL <= set(tensors) <= needed | _OPTIONAL:
        raise CheckpointError(f"the tensors {', '.join(sorted(needed))}", ", ".join(sorted(tensors))[:200])
    total = tensors["parameters"].shape
    shapes: dict[str, tuple[int, ...]] = {"sums": (3,), "numbers": (len(_NUMBERS),), "best": total, "average": total}
    shapes |= {"monitor.best_theta": total, "figures": (len(tensors["figures"]), Figure.COUNT)}
    for name, tensor in tensors.items():
        dimensions = 2 if name in {"slots", "figures", "monitor.table"} else 1
        if tensor.ndim != dimensions or tensor.shape != shapes.get(name, tensor.shape):
            raise CheckpointError("a tensor of another shape", f"{tensor.shape}", field=name)


def check_state(checkpoint: Checkpoint, problem: Problem, metrics: Sequence[str] | None) -> None:
    """Raise CheckpointError where a state is not one of this problem.

    metrics : the names of the validation metrics; None where there are none.
    """
    state, recipe, shape = checkpoint.state, problem.recipe, problem.shape
    found = {
        "parameters": len(state.parameters),
        "slots": state.slots.shape,
        "schedule": len(state.schedule),
        "average": state.average is not None,
        "metrics": None if checkpoint.monitor is None else checkpoint.monitor.table.shape,
        "epoch": state.epoch <= recipe.epochs,
        "batch": problem.ordered or state.batch < problem.batches,
    }
    expected = {
        "parameters": shape.total,
        "slots": (len(recipe.optimizer.slots), shape.trained),
        "schedule": 0 if recipe.optimizer.granularity == "full-batch" else len(recipe.schedule.start),
        "average": recipe.averaging is not None,
        "metrics": None if metrics is None else (state.epoch, len(metrics)),
        "epoch": True,
        "batch": True,
    }
    for name, value in expected.items():
        if found[name] != value:
            raise CheckpointError(f"{value} of this run", f"{found[name]}", field=f"{name} of the checkpoint")


def _checksum(text: str, tensors: Tensors) -> str:
    """Return a digest of the JSON and of all tensors."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor: npt.NDArray[Any] = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode())
        digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
