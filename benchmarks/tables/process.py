"""A worker's process: requests with a time limit."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.conductor import environment

__all__ = ["Ended", "Process", "opened"]


class Ended(RuntimeError):
    """A worker that took too long or ended early, with its last line."""


class Process:
    """A process of one model, under one Python; it ends with the `with` statement."""

    def __init__(self, python: Path, rival: str, folder: Path | None, threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.tables.worker", rival, str(folder or ""), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(threads),
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, do: str, *, limit: float | None = None, **arguments: Any) -> dict[str, Any]:
        """Return the worker's answer. Raises `Ended` if there is none, or none within `limit` seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            with selectors.DefaultSelector() as selector:
                selector.register(self._process.stdout, selectors.EVENT_READ)
                if not selector.select(limit):
                    self._process.kill()
                    raise Ended(f"no answer within {limit:g} s")
            line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            lines = self._errors.read().strip().splitlines()
            raise Ended(lines[-1] if lines else "the process ended without a message")
        answer: dict[str, Any] = json.loads(line)
        return answer


def opened(pythons: Sequence[Path], rival: str, folder: Path | None, threads: int) -> tuple[Process, dict[str, str]]:
    """Start a process under the first Python that can fit the model, and return it with the versions of its packages.

    Raises `Ended` if there is none, with the reason of the first.
    """
    reasons = []
    for python in pythons:
        process = Process(python, rival, folder, threads)
        try:
            about = process.ask("about")
        except Ended as ended:
            about = {"absence": str(ended)}
        if about.get("absence", about.get("error")) == "":
            return process, about["versions"]
        reasons.append(about.get("absence", about.get("error")))
        process.__exit__()
    raise Ended(reasons[0])
