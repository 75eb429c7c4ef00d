"""The arguments of `train` and `epochs`: data in all accepted forms, and what a callback returns."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from deltarule.data import Dataset, Part, table_of
from deltarule.data.column_warnings import column_warnings
from deltarule.data.frames import is_tabular
from deltarule.data.targets import dataset_of_table
from deltarule.errors import DataError, DataWarning, RecipeError, UnknownArgument, nearest
from deltarule.recipes import Network, Recipe
from deltarule.recipes.suggestions import suggestion
from deltarule.training.epoch import Epoch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Data: TypeAlias = Dataset | Part | tuple[Any, Any] | tuple[Any, Any, Any] | Any
"""A `Dataset`; or (x, y) or (x, y, weights); or x, an array or a data frame, whose y is the next argument."""

OnEpoch: TypeAlias = Callable[[Epoch], bool | None]
"""A function called after each epoch; if it returns True, training stops."""


TRAINING = {
    "X": "train(recipe, X, y)", "x": "train(recipe, x, y)", "dataset": "train(recipe, data)",
    "callbacks": "train(recipe, data, on_epoch=function)", "callback": "train(recipe, data, on_epoch=function)",
    "cbs": "train(recipe, data, on_epoch=function)", "verbose": "train(recipe, data, progress=False)",
    "validation_data": "train(recipe, Dataset(train=(X, y), validation=(X_val, y_val)))",
    "X_val": "train(recipe, Dataset(train=(X, y), validation=(X_val, y_val)))",
    "validation_split": "train(recipe, split(X, y, Split(validation=0.1, test=0)))",
    "types": 'train(recipe, load_dataset(frame, target="y", types={"id": "ignored"}))',
    "sample_weight": "train(recipe, (X, y, weights))", "weights": "train(recipe, (X, y, weights))",
    "device": "train(recipe, data): training is on the CPU", "dtype": 'train(recipe, data, precision="float64")',
}  # fmt: skip
"""Names in other libraries of the arguments of `train`, with the corrected call."""


def explained_arguments(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let `train` or `epochs` refuse unknown arguments with an error that shows the corrected call."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*positional: Arguments.args, **named: Arguments.kwargs) -> Result:
        for name in named:
            if name not in known:
                raise UnknownArgument(f"an argument of {function.__name__}", repr(name), _corrected(name, known))
        return function(*positional, **named)

    return checked


def _corrected(name: str, known: list[str]) -> str | None:
    fields = [each.name for each in dataclasses.fields(Recipe)]
    similar = None if name in fields else nearest(name.lower(), known)
    guess = TRAINING.get(name) or similar or suggestion(name, fields)
    return f"train(Recipe({guess}=...), data)" if guess in fields else guess


def dataset_of(data: Data, y: Any = None) -> Dataset:
    """Return the data set that `train(recipe, data, y)` trains on; all samples of arrays are training samples.

    y : the targets (n,) or (n, k) of x; or the name of a data frame's column.

    A `DataWarning` reports the suspicious columns of a data frame, as `load_dataset` does.

    >>> dataset_of([[0.0], [1.0]], ["a", "b"]), dataset_of(([[0.0], [1.0]], ["a", "b"]))
    (Dataset(2 train, 0 validation, 0 test; x 1 float64; 2 classes),
     Dataset(2 train, 0 validation, 0 test; x 1 float64; 2 classes))
    """
    if isinstance(data, Dataset):
        if y is not None:
            raise DataError("a Dataset alone, which contains y", "a Dataset and y", "train(recipe, data)")
        return data
    if isinstance(y, str) and is_tabular(data):
        return _reported(dataset_of_table(table_of(data), y), y)
    if y is not None:
        return _reported(Dataset(Part(data, _targets(y))))
    if isinstance(data, Part):
        return _reported(Dataset(data))
    if isinstance(data, tuple) and len(data) in {2, 3}:
        x, targets, *weights = data
        return _reported(Dataset(Part(x, _targets(targets), *weights)))
    raise DataError("a Dataset, (X, y), or X and y", _name(data), _instead(data))


def _reported(dataset: Dataset, target: str = "y") -> Dataset:
    """Return the data set; warn of the columns of a table that are left out or suspicious."""
    for each in column_warnings(dataset):
        call = f"train(recipe, load_dataset(frame, target={target!r}, types={{types}}))"
        warnings.warn(DataWarning(each.message, each.types, each.advice, call), stacklevel=6)
    return dataset


def checked_recipe(recipe: Any) -> Recipe:
    """Return the recipe; the error for anything else suggests the corrected call."""
    if isinstance(recipe, Recipe):
        return recipe
    instead = "train(recipe, data)" if isinstance(recipe, Dataset) else "train(dr.Recipe(epochs=20), data)"
    if isinstance(recipe, Network):
        instead = "dr.Recipe(network=network)"
    elif recipe is Recipe:
        instead = "dr.Recipe()"
    raise RecipeError("a Recipe as the first argument", _name(recipe), instead, field="recipe")


def requests_stop(answer: Any) -> bool:
    """Return whether a callback's answer requests a stop.

    >>> requests_stop(None), requests_stop(True)
    (False, True)
    """
    if answer is None or isinstance(answer, (bool, np.bool_)):
        return bool(answer)
    raise RecipeError("True to stop training, or None or False to continue", repr(answer), field="on_epoch's result")


def _targets(y: Any) -> Any:
    """Return y as an array: of a data frame's column, its values; text of any type as text."""
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    array = np.asarray(y)
    if array.dtype.kind == "O" and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array


def _name(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _instead(data: Any) -> str:
    if isinstance(data, str):
        return f"train(recipe, dr.load_dataset({data!r}))"
    if isinstance(data, Recipe):
        return "train(recipe, data): the recipe comes first"
    if is_tabular(data):
        return 'train(recipe, frame, "target"), with the name of the column to predict'
    return "train(recipe, X, y)"
