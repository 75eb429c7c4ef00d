"""A line of a program: one operation and its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.instructions import ARGUMENTS, WORDS, Operation

__all__ = ["Line", "call_of", "line", "table"]

Line: TypeAlias = npt.NDArray[np.int64]


def line(operation: Operation, **arguments: int) -> Line:
    """One line of a program; every argument must be given, by its name."""
    names = ARGUMENTS[operation]
    if set(arguments) != set(names):
        raise TypeError(f"{operation.name} takes {names}, got {tuple(arguments)}")
    words = np.zeros(WORDS, np.int64)
    words[: len(names) + 1] = [int(operation), *(int(arguments[name]) for name in names)]
    return words


def call_of(function: int, names: Sequence[str], **arguments: int) -> Line:
    """A line that calls a function, made by `processor.addressed(7)`, with arguments by its names for them.

    The function takes (line, settings, own, first, size, step, place), and finds its arguments from word 2 of the line.
    """
    if set(arguments) != set(names):
        raise TypeError(f"the function takes {names}, got {tuple(arguments)}")
    words = np.zeros(WORDS, np.int64)
    words[: len(names) + 2] = [int(Operation.CALL), function, *(int(arguments[name]) for name in names)]
    return words


def table(lines: Iterable[Line]) -> npt.NDArray[np.int64]:
    """A program as one array, (lines, words)."""
    return np.stack(list(lines))
