"""The results of fits: a file for each, so that a later run continues where an earlier one ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from deltarule.writing import write_whole

__all__ = ["Fit", "Store"]


@dataclass(frozen=True)
class Fit:
    """One model on one split of one table.

    rival, table : keys. digest : hash of the samples; "" where they are unknown.
    error : what the model raised, or why its process ended; "" for a fit that succeeded, whose figures follow.
    score : accuracy or R² on the test set. truth : that of the known distribution.
    fit_seconds, predict_seconds : wall time; ..._cpu_seconds : user and system time of the process.
    coverage : fraction of the test set in `predict_interval` or `predict_set` of 90 %. calibration_error,
    uncalibrated_error : expected calibration error with the fitted temperature, and with the temperature 1.
    load : average number of running processes when the fit began. revision : commit of deltarule.
    """

    rival: str
    table: str
    split: int
    processor: str
    threads: int
    date: str
    load: float
    versions: dict[str, str]
    revision: str = ""
    digest: str = ""
    error: str = ""
    rows: int = 0
    test_rows: int = 0
    columns: int = 0
    score: float | None = None
    log_loss: float | None = None
    rmse: float | None = None
    coverage: float | None = None
    calibration_error: float | None = None
    uncalibrated_error: float | None = None
    truth: float | None = None
    fit_seconds: float | None = None
    fit_cpu_seconds: float | None = None
    predict_seconds: float | None = None
    predict_cpu_seconds: float | None = None


_FIELDS = frozenset(field.name for field in fields(Fit))


class Store:
    """A folder with a folder for each model, and in it a JSON file for each table and split."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, rival: str, table: str, split: int) -> Path:
        return self._folder / rival / f"{table}-{split}.json"

    def has(self, rival: str, table: str, split: int) -> bool:
        """Return whether there is a result, of a failed fit too."""
        return self._path(rival, table, split).exists()

    def write(self, fit: Fit) -> None:
        path = self._path(fit.rival, fit.table, fit.split)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(asdict(fit), indent=1) + "\n").encode())

    def remove(self, rival: str, *, failed_only: bool = False) -> None:
        """Forget the results of a model, or those of its failed fits."""
        for path in self._paths(rival):
            if not failed_only or self._read(path).error:
                path.unlink()

    def fits(self, rival: str) -> Iterator[Fit]:
        """Yield all results of a model."""
        return map(self._read, self._paths(rival))

    def _paths(self, rival: str) -> list[Path]:
        return sorted((self._folder / rival).glob("[!.]*.json"))

    @staticmethod
    def _read(path: Path) -> Fit:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Fit(**{name: value for name, value in found.items() if name in _FIELDS})
