"""scikit-learn's callbacks, which it has from version 1.9 on; before that, nothing to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands where scikit-learn has no callbacks."""

    def with_callbacks(method: Method) -> Method:
        """The method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks:
    """The tasks of one `fit`, as the callbacks that were set on the estimator hear of them."""

    def __init__(self, estimator: Any, X: Any, y: Any, most: int) -> None:
        self._told = {"estimator": estimator, "X": X, "y": y}
        self.listened = bool(getattr(estimator, "_skl_callbacks", None))
        self._whole = None
        if hasattr(estimator, "_init_callback_context"):
            self._whole = estimator._init_callback_context(max_subtasks=most)
            self._whole.call_on_fit_task_begin(**self._told)

    def epoch_ends(self, number: int, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Tell of an epoch; whether a callback wants no more of them. `fitted` gives the attributes as they stand."""
        if self._whole is None or not self.listened:
            return False
        task = self._whole.subcontext(task_name=f"epoch {number}")
        task.call_on_fit_task_begin(**self._told)
        return bool(task.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted))

    def end(self, fitted: Callable[[], dict[str, Any]]) -> None:
        """Tell that all is done."""
        if self._whole is not None:
            self._whole.call_on_fit_task_end(**self._told, reconstruction_attributes=fitted)
