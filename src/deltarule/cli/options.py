"""Conversion of the shell's options to a recipe and a data set."""

from __future__ import annotations

import copy
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from deltarule.cli.augmentations import augmentations_of, usual_values
from deltarule.cli.terminal import say
from deltarule.cli.words import number_of
from deltarule.data import Dataset, Split, dataset_names, load_dataset
from deltarule.data.kinds import checked_kind
from deltarule.errors import DataError, DataWarning, RecipeError, UnknownDataset, UnknownName, nearest
from deltarule.formulas import formula, registered
from deltarule.formulas.formula import field_name
from deltarule.recipes import Recipe
from deltarule.regular_files import json_of, read_json, reason


class Option(NamedTuple):
    """An option of the shell: the recipe's field that it sets, the parser of its text, and a valid example."""

    field: str
    read: Callable[[Any], Any]
    example: str


def _as_it_is(value: Any) -> Any:
    return value


def _units(text: str) -> list[Any]:
    return [] if text.strip().lower() in {"none", ""} else [number_of(part) for part in text.split(",")]


def _names(text: str) -> Any:
    parts = [part.strip() for part in text.split(",")]
    return parts if len(parts) > 1 else parts[0]


def _rates(text: str) -> Any:
    parts = [number_of(part) for part in text.split(",")]
    return parts if len(parts) > 1 else parts[0]


def _none_or_name(text: str) -> Any:
    return None if text.strip().lower() == "none" else text


def _class_weight(text: str) -> Any:
    if text.strip().lower() in {"none", "balanced"}:
        return None if text.strip().lower() == "none" else "balanced"
    pairs = [part.rpartition("=") for part in text.split(",")]
    return [[number_of(label), number_of(weight)] for label, _, weight in pairs]


def _patience(text: str) -> Any:
    return None if text.strip().lower() in {"none", "0"} else number_of(text)


OPTIONS: dict[str, Option] = {
    "hidden": Option("network.hidden", _units, "--hidden 128,64, or --hidden none for no hidden layer"),
    "activation": Option("network.activation", _names, "--activation relu"),
    "dropout": Option("network.dropout", _rates, "--dropout 0.2"),
    "noise": Option("network.noise", _rates, "--noise 0.1"),
    "normalization": Option("network.normalization", _none_or_name, "--normalization batch"),
    "initializer": Option("network.initializer", _as_it_is, "--initializer auto"),
    "loss": Option("loss", _as_it_is, "--loss auto"),
    "task": Option("task", _as_it_is, "--task classification"),
    "optimizer": Option("optimizer", _as_it_is, "--optimizer adam"),
    "learning_rate": Option("optimizer.learning_rate", _as_it_is, "--learning-rate 0.001"),
    "schedule": Option("schedule", _as_it_is, "--schedule cosine"),
    "l1": Option("penalty", lambda strength: _penalty("l1", strength), "--l1 0.0001"),
    "l2": Option("penalty", lambda strength: _penalty("l2", strength), "--l2 0.0001"),
    "max_norm": Option("constraint", lambda limit: {"name": "max_norm", "limit": limit}, "--max-norm 3"),
    "clip_norm": Option("clipping", lambda limit: {"name": "norm", "limit": limit}, "--clip-norm 1"),
    "average": Option("averaging", lambda decay: {"name": "exponential_average", "decay": decay}, "--average 0.999"),
    "class_weight": Option("class_weight", _class_weight, "--class-weight balanced, or --class-weight yes=2,no=1"),
    "batch_size": Option("batch_size", _as_it_is, "--batch-size 32"),
    "epochs": Option("epochs", _as_it_is, "--epochs 100"),
    "patience": Option("stopping.patience", _patience, "--patience 10, or --patience none for no early stopping"),
    "monitor": Option("stopping.monitor", _as_it_is, "--monitor loss"),
    "metric": Option(
        "metrics", lambda names: ",".join([names] if isinstance(names, str) else names), "--metric roc_auc"
    ),
    "scaling": Option("scaling", number_of, "--scaling standard"),
    "augment": Option("augmentation", augmentations_of, "--augment rotation=15"),
    "evaluate_train": Option("evaluate_train", _as_it_is, "--evaluate-train"),
    "seed": Option("seed", _as_it_is, "--seed 0"),
}
"""The options in the order in which they are applied: an optimizer before its learning rate."""


def recipe_of(given: Mapping[str, Any], settings: Sequence[str] = (), file: Path | None = None) -> Recipe:
    """Return a file's recipe, or the default one, with options applied.

    given : values by the names in `OPTIONS`; None leaves the field unchanged.
    settings : "field=value" for any field, with dots for fields of formulas: "optimizer.beta1=0.8".

    >>> recipe_of({"hidden": "20", "l2": 0.01}, ["optimizer.beta1=0.8"]).optimizer.beta1
    0.8
    """
    base = (read_recipe(file) if file is not None else Recipe()).to_json()
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        data = _with(base, chosen)
        if chosen.get("l1") and chosen.get("l2"):
            data["penalty"] = _both(chosen["l1"], chosen["l2"])
        for setting in settings:
            _apply_setting(data, setting)
        return Recipe.from_json(data)
    except RecipeError:
        # Each option is tried alone to find the invalid one, so that the error names it.
        for name, value in chosen.items():
            try:
                Recipe.from_json(_with(base, {name: value}))
            except RecipeError as error:
                raise type(error)(error.expected, error.value, _example(name, error)) from None
        raise


def _example(name: str, error: RecipeError) -> str:
    """Return a corrected option: with the nearest name where a name is unknown."""
    # For an unknown field of one of several augmentations, the nearest name alone is not enough.
    if isinstance(error, UnknownName) and error.suggestion and not (name == "augment" and "field" in error.expected):
        guess = error.suggestion.strip("'")
        return f"--{name.replace('_', '-')} {guess}"
    if name == "augment" and error.suggestion:
        called = error.suggestion.partition("(")[0]
        return next(
            (usual_values(cls) for cls in registered("augmentation") if cls.__name__ == called), OPTIONS[name].example
        )
    return OPTIONS[name].example


def read_recipe(file: Path) -> Recipe:
    """Read the recipe in a JSON file, or in the `recipe.json` of a run's folder."""
    path = file / "recipe.json" if file.is_dir() else file
    try:
        return Recipe.from_json(read_json(path))
    except (OSError, ValueError) as error:
        raise RecipeError("a recipe in a JSON file", f"{path}: {reason(error)}") from error


DATA_HELP = (
    "Name of a data set (see `deltarule data list`); openml:NAME; a file (CSV, TSV, JSON lines, Parquet, Feather, .npy "
    "or .npz); or a folder of IDX files or of images by class."
)

DATA = ("target", "types", "group_by", "order_by", "image_size", "data_dir", "validation", "test")
"""The options of `train` that describe the data; see `source_of`."""


SPLIT = ("validation", "test", "group_by", "order_by")
"""The options that define how data are split."""


def source_of(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Select the options in `DATA` from a command's options, as arguments of `load`.

    >>> source_of(dict.fromkeys(DATA) | {"types": ["zip=category"], "engine": "compiled"})["types"]
    {'zip': 'category'}
    """
    return {name: typed[name] for name in DATA} | {"types": types_of(typed["types"])}


def load(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    validation: str | None = None,
    test: str | None = None,
    seed: int = 0,
    progress: bool = False,
    target: str | Sequence[str] | None = None,
    types: Mapping[str, Any] | None = None,
    image_size: str | None = None,
    group_by: str | None = None,
    order_by: str | None = None,
) -> Dataset:
    """Load and split a data set by the shell's options; sizes are fractions ("0.1") or numbers of samples ("1000").

    Where there is an official test set and only a validation size is given, the test set does not change.
    With `progress`, warnings about the data are written to standard error, one sentence each.
    """
    size = None if image_size is None else _image_size(image_size)
    target = target[0] if target and not isinstance(target, str) and len(target) == 1 else target or None
    source = {"target": target, "types": types, "image_size": size, "data_dir": data_dir, "seed": seed}
    by: dict[str, Any] = {"group_by": group_by, "order_by": order_by}
    try:
        with notes(quiet=not progress):
            return _load(name_or_path, source, validation, test, by, progress=progress)
    except UnknownDataset as error:
        raise unknown_dataset(name_or_path, error) from None
    except DataError as error:
        raise _with_options(error) from None


def types_of(texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return the column types given by `--type column=type`, which is repeatable.

    >>> types_of(["zip=category", "id=ignored"])
    {'zip': 'category', 'id': 'ignored'}
    """
    types = {}
    for text in texts or ():
        column, sign, kind = text.rpartition("=")
        if not sign or not column.strip():
            raise DataError("column=type for --type", repr(text), "--type zip=category")
        try:
            checked_kind(kind.strip(), column.strip())
        except DataError as error:
            raise _with_options(error) from None
        types[column.strip()] = kind.strip()
    return types or None


@contextmanager
def notes(*, quiet: bool = False) -> Iterator[None]:
    """Print warnings about the data as notes; other warnings are issued unchanged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        yield
    said: dict[str, None] = {}
    for each in caught:
        if not issubclass(each.category, DataWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        elif not quiet:
            said[note_of(each.message)] = None
    for note in said:
        say(f"Note: {note}")


def note_of(warning: Warning | str) -> str:
    """Return the sentences of a warning, with types of columns written as options."""
    if not isinstance(warning, DataWarning) or not warning.types:
        return str(warning)
    return f"{warning.message} Try: {type_options(warning.types)} {warning.advice}".rstrip()


def _image_size(text: str) -> tuple[int, int]:
    parts = [number_of(part) for part in text.lower().replace("×", "x").split("x")]
    parts = parts * 2 if len(parts) == 1 else parts
    if len(parts) != 2 or not all(isinstance(part, int) and 1 <= part <= 4096 for part in parts):
        raise DataError("a height and a width of 1 to 4096 for --image-size", repr(text), "--image-size 28x28")
    return parts[0], parts[1]


def _with_options(error: DataError) -> DataError:
    """Return the same error with arguments and suggestions written as options."""
    option = _COLUMN_OPTIONS.get(error.field or "")
    if error.types:
        return error.replace(suggestion=type_options(error.types))
    if option is None:
        return error
    near = None if error.column is None else f"{error.column}=category" if error.field == "types" else error.column
    return error.replace(suggestion=near and f"{option} {shlex.quote(near)}", field=option)


_COLUMN_OPTIONS = {"target": "--target", "types": "--type", "group_by": "--group-by", "order_by": "--order-by"}
"""The options for the arguments that name columns."""


def type_options(types: Mapping[str, str]) -> str:
    """Return the options that declare these types.

    >>> type_options({"id": "ignored", "first name": "category"})
    "--type id=ignored --type 'first name=category'"
    """
    return " ".join(f"--type {shlex.quote(f'{column}={kind}')}" for column, kind in types.items())


def unknown_dataset(name: str, error: UnknownDataset) -> UnknownDataset:
    """Return the same error with a suggestion for the shell."""
    near = nearest(name.lower(), dataset_names())
    return UnknownDataset(error.expected, error.value, f"{near}; " * (near is not None) + "deltarule data list")


def _load(
    data: str,
    source: dict[str, Any],
    validation: str | None,
    test: str | None,
    by: dict[str, Any],
    *,
    progress: bool,
) -> Dataset:
    seed = source["seed"]
    shares = [None if text is None else _share(text, option) for text, option in ((validation, "v"), (test, "t"))]
    if shares == [None, None] and by["group_by"] is by["order_by"] is None:
        return load_dataset(data, progress=progress, **source)
    official = load_dataset(data, split="official", progress=progress, **source)
    if official.test is not None and shares[1] is None:
        share = shares[0]
        if not share:
            return official
        asked: dict[str, Any] = {"share": share} if isinstance(share, float) else {"size": share}
        return official.with_validation(seed=seed, **asked)
    parts = [0.1 if share is None else share for share in shares]
    split = Split(validation=parts[0], test=parts[1], seed=seed, **by)
    return load_dataset(data, split=split, **source)


def _share(text: str, option: str) -> float | int:
    name = "--validation" if option == "v" else "--test"
    value = number_of(text)
    if isinstance(value, str) or not value >= 0 or (isinstance(value, float) and value >= 1):
        wanted = f"a share from 0 to below 1, or a number of samples, for {name}"
        raise DataError(wanted, repr(text), f"{name} 0.1, or {name} 1000")
    return value  # type: ignore[no-any-return]


def _penalty(name: str, strength: float) -> Any:
    return {"name": name, "strength": strength} if strength != 0 else None


def _both(l1: float, l2: float) -> dict[str, Any]:
    """Return one penalty with these L1 and L2 strengths."""
    for name, strength in (("l1", l1), ("l2", l2)):
        formula("penalty", {"name": name, "strength": strength})
    return {"name": "elastic_net", "strength": l1 + l2, "l1_ratio": l1 / (l1 + l2)}


def _with(base: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe's data with some options applied."""
    data = copy.deepcopy(dict(base))
    for name, option in OPTIONS.items():
        if name not in chosen:
            continue
        value = option.read(chosen[name])
        if name == "patience":
            data["stopping"] = None if value is None else {**(data["stopping"] or {}), "patience": value}
        else:
            _set(data, option.field, value)
    return data


def _apply_setting(data: dict[str, Any], setting: str) -> None:
    field, sign, text = setting.partition("=")
    if not sign or not field.strip():
        raise RecipeError("field=value for --set", repr(setting), "--set optimizer.beta1=0.8")
    try:
        value = json_of(text)
    except ValueError:
        value = text
    _set(data, field.strip(), value)


_BEFORE = {"stopping": ("early stopping", "--patience 10"), "penalty": ("a penalty", "--l2 0.0001")}
"""What must be enabled before one of its fields can be set."""


def _set(data: dict[str, Any], path: str, value: Any) -> None:
    """Set a field by its path; a name on the path is replaced by the formula of that name with its defaults."""
    *parents, field = path.split(".")
    node: Any = data
    for parent in parents:
        if not isinstance(node, dict) or parent not in node:
            # For an unknown field, this raises an error that lists the fields.
            Recipe.from_json({parent: None} if node is data else {})
            raise RecipeError("a field of a recipe", repr(path), "--set optimizer.beta1=0.8")
        if node[parent] is None:
            what, instead = _BEFORE.get(parent, (parent, None))
            raise RecipeError(f"{what} before a field of it", f"none and {path}", instead)
        if isinstance(node[parent], str):
            node[parent] = {"name": node[parent]}
        node = node[parent]
    if not isinstance(node, dict):
        raise RecipeError("a field of a recipe", repr(path), "--set optimizer.beta1=0.8")
    node[field_name(parents[-1] if parents else "", node, field)] = value
