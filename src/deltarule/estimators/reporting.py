"""Progress reporting of `fit`: scikit-learn's callbacks (from version 1.9 on), and the output of `verbose`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from deltarule.training.metrics import as_text

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replaces scikit-learn's class where it has no callbacks."""

    def with_callbacks(method: Method) -> Method:
        """Return the method unchanged."""
        return method


__all__ = ["CallbackSupportMixin", "FitCallbacks", "NetworkReporter", "ProgressReporter", "with_callbacks"]


class FitCallbacks:
    """scikit-learn's callbacks in one call of `fit`: one task for the whole call, with a subtask for each epoch."""

    def __init__(self, estimator: Any, X: Any, y: Any, epochs: int) -> None:
        self._arguments = {"estimator": estimator, "X": X, "y": y}
        self.active = bool(getattr(estimator, "_skl_callbacks", None))
        self._context = None
        if hasattr(estimator, "_init_callback_context"):
            self._context = estimator._init_callback_context(max_subtasks=epochs)
            self._context.call_on_fit_task_begin(**self._arguments)

    def after_epoch(self, number: int, attributes: Callable[[], dict[str, Any]]) -> bool:
        """Call the callbacks after an epoch; return whether one requests a stop.

        attributes : returns the estimator's fitted attributes at this point.
        """
        if self._context is None:
            return False
        epoch = self._context.subcontext(task_name=f"epoch {number}")
        epoch.call_on_fit_task_begin(**self._arguments)
        return bool(epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=attributes))

    def finish(self, attributes: Callable[[], dict[str, Any]]) -> None:
        """Call the callbacks after training."""
        if self._context is not None:
            self._context.call_on_fit_task_end(**self._arguments, reconstruction_attributes=attributes)


def _progress_bar(what: str, total: int) -> tuple[Any, Any]:
    """Return a progress bar with a note beside it, not started yet, and its task."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    note = TextColumn("{task.fields[note]}")
    bar = Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), note, TimeRemainingColumn())
    return bar, bar.add_task("", total=total, note="")


class NetworkReporter:
    """The output of `verbose` for networks trained side by side: a line for each that ends, or a progress bar.

    verbose : False for none, True or a number above 0 for lines, "bar" for a progress bar.
    """

    def __init__(self, verbose: bool | int | str, networks: int) -> None:
        self._verbose, self._networks = verbose, networks
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._verbose == "bar":
            self._bar, self._task = _progress_bar("Networks", self._networks)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def ended(self, name: str, number: int, networks: int, run: Any) -> None:
        """Report a network that has ended as the `number`-th of so many."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, note=name)
        elif self._verbose and not isinstance(self._verbose, str):
            sys.stdout.write(f"{name}: network {number} of {networks}, {run!r}\n")


class ProgressReporter:
    """The output of `verbose` on standard output: lines like scikit-learn's, or a progress bar.

    verbose : False for none, True or a number above 0 for a line each epoch, "bar" for a progress bar.
    """

    def __init__(self, verbose: bool | int | str, epochs: int) -> None:
        self._bar: Any = None
        self._lines = not isinstance(verbose, str) and bool(verbose)
        if verbose == "bar":
            self._bar, self._task = _progress_bar("Training", epochs)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def epoch(self, number: int, loss: float, score: float | None) -> None:
        """Report an epoch that has ended."""
        if self._lines:
            sys.stdout.write(f"Iteration {number}, loss = {loss:.8f}\n")
            if score is not None:
                sys.stdout.write(f"Validation score: {score:f}\n")
        elif self._bar is not None:
            note = f"loss {as_text(loss)}" + ("" if score is None else f" · score {score:.4f}")
            self._bar.update(self._task, completed=number, note=note)

    def stopped(self, *, early_stopping: bool) -> None:
        """Report that training stops because the monitored metric no longer improves."""
        if self._lines:
            metric = "Validation score" if early_stopping else "Training loss"
            sys.stdout.write(f"{metric} did not improve by more than tol for n_iter_no_change epochs. Stopping.\n")
