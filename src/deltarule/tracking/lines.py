"""Tracking in a file of JSON lines, as `history.jsonl` in the folder of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from deltarule.tracking.tracker import Tracker
from deltarule.training.epoch import Epoch
from deltarule.writing import append_lines

__all__ = ["JSONLines"]


class JSONLines(Tracker):
    """Appends each epoch to a file as one line of JSON, readable at once by other programs.

    >>> import tempfile, deltarule as dr
    >>> path = Path(tempfile.mkdtemp()) / "history.jsonl"
    >>> run = dr.train(dr.Recipe(epochs=2, stopping=None), dr.load_dataset("iris"), on_epoch=JSONLines(path))
    >>> [json.loads(line)["number"] for line in path.read_text().splitlines()]
    [1, 2]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __call__(self, epoch: Epoch) -> None:
        """Append an epoch."""
        append_lines(self._path, json.dumps(epoch.to_json(), allow_nan=False) + "\n")
