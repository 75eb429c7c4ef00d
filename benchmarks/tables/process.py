"""The process of one model, under the Python that has its packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.process import Failed, Process

__all__ = ["ModelProcess", "opened"]


class ModelProcess(Process):
    """A process of one model, under one Python."""

    def __init__(self, python: Path, rival: str, folder: Path | None, threads: int) -> None:
        command = [str(python), "-m", "benchmarks.tables.worker", rival, str(folder or ""), str(threads)]
        super().__init__(command, threads)


def opened(
    pythons: Sequence[Path], rival: str, folder: Path | None, threads: int
) -> tuple[ModelProcess, dict[str, str]]:
    """Start a process under the first Python that can fit the model, and return it with the versions of its packages.

    Raises `Failed` if there is none, with the reason of the first.
    """
    reasons = []
    for python in pythons:
        process = ModelProcess(python, rival, folder, threads)
        try:
            about = process.ask("about")
        except Failed as failure:
            about = {"absence": str(failure)}
        if about.get("absence", about.get("error")) == "":
            return process, about["versions"]
        reasons.append(about.get("absence", about.get("error")))
        process.__exit__()
    raise Failed(reasons[0])
