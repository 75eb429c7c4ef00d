"""Every error that deltarule raises on purpose.

    DeltaruleError
    ├── RecipeError (ValueError)        a network, formula or recipe that is invalid
    │   └── UnknownName                 a name that no formula, field or choice has
    │       └── UnknownArgument (TypeError)   an argument that a function or a constructor does not have
    ├── DataError (ValueError)          data that no network can be trained on as they are
    │   ├── UnknownDataset              a data set's name that is not known
    │   ├── UnknownColumn               a column that does not exist
    │   ├── MissingColumns              a table without the columns that a model needs
    │   ├── ColumnTypeError             values that are not of their column's type
    │   └── DataFileError               a data file that is missing, cut short or foreign
    ├── ModelError (ValueError)         a prediction or export that a model does not support
    │   └── ModelFileError              a model file that is missing, cut short or foreign
    ├── CheckpointError (ValueError)    a checkpoint that is missing, damaged, or of another run
    ├── OutputError (OSError)           a result that cannot be written at the requested place
    ├── ClusterError (OSError)          machines of a cluster that do not answer or stop working
    ├── OutOfMemory (MemoryError)       a network, a batch or data that do not fit into memory
    ├── OutOfThreads (RuntimeError)     a thread that the system refuses to start
    ├── Interrupted (RuntimeError)      a training run that was interrupted and cannot be resumed
    └── Diverged (ArithmeticError)      a training run whose loss or weights became infinite or NaN

and the warnings:

    DataWarning (UserWarning)           usable data with a flaw that can mislead
    CheckpointWarning (UserWarning)     a checkpoint that could not be written or read
    SeedsWarning (UserWarning)          a comparison with too few seeds for any difference to be significant
    ThreadsWarning (UserWarning)        a number of threads that makes training slower than necessary

Each says what was expected, what was given and, where it helps, the corrected call.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import ParamSpec, Self, TypeVar

_LONGEST = 800  # characters of each half of a message

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "ClusterError",
    "ColumnTypeError",
    "DataError",
    "DataFileError",
    "DataWarning",
    "DeltaruleError",
    "Diverged",
    "Interrupted",
    "MissingColumns",
    "ModelError",
    "ModelFileError",
    "OutOfMemory",
    "OutOfThreads",
    "OutputError",
    "RecipeError",
    "SeedsWarning",
    "ThreadsWarning",
    "UnknownArgument",
    "UnknownColumn",
    "UnknownDataset",
    "UnknownName",
    "memory_checked",
    "nearest",
]


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class DeltaruleError(Exception):
    """The base class of all errors: what was expected, what was given, and what to try.

    expected, value : a noun phrase, and the value as text, or None where there is none to show.
    suggestion : a corrected call or value in Python's syntax; other interfaces render their own.
    field : the recipe's field, the column or the argument that is invalid, or None where it is not a single one.

    >>> error = DeltaruleError("a number above 0", "-1", "SGD(learning_rate=0.1)", field="optimizer.learning_rate")
    >>> print(error)
    Expected a number above 0 for optimizer.learning_rate, got -1. Try: SGD(learning_rate=0.1)
    >>> print(error.replace(suggestion="--learning-rate 0.1", field="--learning-rate"))
    Expected a number above 0 for --learning-rate, got -1. Try: --learning-rate 0.1
    """

    def __init__(
        self, expected: str, value: str | None = None, suggestion: str | None = None, *, field: str | None = None
    ) -> None:
        self.expected, self.value = _line(expected), value and _line(value)
        self.suggestion, self.field = suggestion, field
        place = f" for {field}" if field else ""
        got = f", got {self.value}" if self.value else ""
        super().__init__(f"Expected {self.expected}{place}{got}." + (f" Try: {suggestion}" if suggestion else ""))

    def replace(
        self, *, expected: str = "", value: str | None = "", suggestion: str | None = "", field: str | None = ""
    ) -> Self:
        """Return a copy with other data; an empty text leaves what it was."""
        changed = type(self)(
            expected or self.expected,
            self.value if value == "" else value,
            self.suggestion if suggestion == "" else suggestion,
            field=self.field if field == "" else field,
        )
        own = vars(changed).keys() & {"expected", "value", "suggestion", "field"}
        vars(changed).update((name, value) for name, value in vars(self).items() if name not in own)
        changed.__cause__ = self.__cause__
        changed.__dict__ |= {name: value for name, value in self.__dict__.items() if name not in changed.__dict__}
        return changed

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.expected, self.value, self.suggestion), self.__dict__)


class RecipeError(DeltaruleError, ValueError):
    """A network, formula or recipe that is invalid."""


class UnknownName(RecipeError):
    """A name that no formula, field or choice has.

    nearest : the most similar known name, or None; the suggestion if there is no other.

    >>> UnknownName("one of adam, sgd", "'adm'", nearest="adam").suggestion
    "'adam'"
    """

    def __init__(
        self,
        expected: str,
        value: str | None = None,
        suggestion: str | None = None,
        *,
        field: str | None = None,
        nearest: str | None = None,
    ) -> None:
        super().__init__(expected, value, suggestion or (nearest and repr(nearest)), field=field)
        self.nearest = nearest


class UnknownArgument(UnknownName, TypeError):
    """An argument that a function or a constructor does not have; Python itself raises a TypeError for it."""


class DataError(DeltaruleError, ValueError):
    """Data that no network can be trained on as they are.

    types : types of columns that solve it, as `load_dataset(types=...)` takes them; other interfaces render their own.
    column : the existing column that was probably meant where an argument, `field`, names an unknown one, or none.
    """

    types: Mapping[str, str] = MappingProxyType({})
    column: str | None = None


class UnknownColumn(DataError):
    """A column that does not exist, or was not given; `field` is the argument."""


class MissingColumns(DataError):
    """A table without some of the columns that a model needs."""


class ColumnTypeError(DataError):
    """Values that are not of their column's type; `field` names the column."""

    @classmethod
    def of(cls, expected: str, value: str, column: str, kind: str, otherwise: str = "") -> Self:
        """Return the error, which suggests to declare a column's type."""
        suggestion = f"types={{{column!r}: {kind!r}}}" + (f", {otherwise}" if otherwise else "")
        error = cls(expected, value, suggestion, field=column)
        error.types = {column: kind}
        return error


class UnknownDataset(DataError):
    """A data set's name that is not known; the nearest one is offered."""


class DataFileError(DataError):
    """A data file that is missing, cut short or foreign."""

    @classmethod
    def of(cls, error: DataError, value: str) -> DataFileError:
        """Return an error about a file's contents, with a value that names the file."""
        if isinstance(error, cls):
            return error.replace(value=value)
        made = cls(error.expected, value, error.suggestion, field=error.field)
        made.types, made.column = error.types, error.column
        return made


class ModelError(DeltaruleError, ValueError):
    """A question that a model cannot answer."""


class ModelFileError(ModelError):
    """A model file that is missing, cut short or foreign."""


class CheckpointError(DeltaruleError, ValueError):
    """A checkpoint that is missing or damaged, or that belongs to another run."""


class OutputError(DeltaruleError, OSError):
    """A result that cannot be written at the requested place."""


class ClusterError(DeltaruleError, OSError):
    """Machines of a cluster that do not answer or stop working."""


class OutOfMemory(DeltaruleError, MemoryError):
    """A network, a batch or data that do not fit into memory."""

    @classmethod
    def of(cls, error: MemoryError) -> OutOfMemory:
        """Return the error for what Python or NumPy could not allocate."""
        came = str(error).rstrip(".") or "too little of it"
        return cls("memory for the data, the network and a batch", came, "a smaller batch_size or smaller layers")


def memory_checked(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the function, raising `OutOfMemory` for a MemoryError."""

    @functools.wraps(function)
    def checked(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return function(*arguments, **named)
        except OutOfMemory:
            raise
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    return checked


class OutOfThreads(DeltaruleError, RuntimeError):
    """A thread that the system refuses to start."""


class Interrupted(DeltaruleError, RuntimeError):
    """A training run that was interrupted and cannot be resumed; its history and model remain available."""


class Diverged(DeltaruleError, ArithmeticError):
    """A training run whose loss or weights became infinite or NaN.

    `run` holds the epochs before it and the last weights that were finite.
    """

    run: object = None


class DataWarning(UserWarning):
    """Usable data with a flaw that can mislead: samples in two sets, rows without a target, columns left out.

    message : a sentence.
    types : types of columns that solve it, as `load_dataset(types=...)` takes them; other interfaces render their own.
    advice : what these types do: "to leave it out".
    call : the call that takes the types, where it is not the one that warns.

    >>> print(DataWarning("Column id numbers the rows.", {"id": "ignored"}, "to leave it out"))
    Column id numbers the rows. Try: types={'id': 'ignored'} to leave it out
    >>> print(DataWarning("Column id numbers the rows.", {"id": "ignored"}, call="load_dataset(frame, types={types})"))
    Column id numbers the rows. Try: load_dataset(frame, types={'id': 'ignored'})
    """

    def __init__(
        self, message: str, types: Mapping[str, str] | None = None, advice: str = "", call: str = "types={types}"
    ) -> None:
        self.message, self.types, self.advice, self.call = message, dict(types or {}), advice, call
        suggestion = f"{call.replace('{types}', str(self.types))} {advice}".rstrip()
        super().__init__(f"{message} Try: {suggestion}" if types else message)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message, self.types, self.advice, self.call))


class SeedsWarning(UserWarning):
    """A comparison with too few seeds for any of its differences to be significant, however large."""


class CheckpointWarning(UserWarning):
    """A checkpoint that could not be written or read; training goes on, and an older one is kept or used."""


class ThreadsWarning(UserWarning):
    """A number of threads that makes training slower than necessary: more than cores, or fewer than requested."""


class EngineWarning(UserWarning):
    """A run with another engine than the requested one, which does not have what the recipe says."""


def _line(text: str) -> str:
    """The text on one line; a long one, for example a value from a file, loses its middle."""
    line = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to `name`, or None if none is similar.

    >>> nearest("fashon", ["digits", "fashion", "mnist"])
    'fashion'
    """
    if len(name) > 100:  # the comparison takes the product of the lengths
        return None
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)
