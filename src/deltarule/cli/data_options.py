"""The options that describe data, and loading by them."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from deltarule.cli.option_groups import group_of, option
from deltarule.cli.terminal import say
from deltarule.data import Dataset, Split, dataset_names, load_dataset
from deltarule.data.kinds import checked_kind
from deltarule.errors import DataError, DataWarning, UnknownDataset, nearest
from deltarule.language import message
from deltarule.recipes.text_values import number as number_of

DATA = "Data"

SPLIT = ("validation", "test", "group_by", "order_by")
"""The options that define how data are split."""


@dataclass(frozen=True)
class DataChoice:
    """What was typed to describe the data, by the names of the options."""

    target: Annotated[
        list[str] | None,
        option("--target", "Target column of a table; repeatable, for several targets.", DATA, "COLUMN"),
    ] = None
    types: Annotated[
        list[str] | None,
        option(
            "--type",
            "Type of a table's column: number, category, boolean, date or ignored; repeatable (default: inferred).",
            DATA,
            "COLUMN=TYPE",
        ),
    ] = None
    group_by: Annotated[
        str | None,
        option("--group-by", "Column whose equal values are kept in one set (default: none).", DATA, "COLUMN"),
    ] = None
    order_by: Annotated[
        str | None,
        option(
            "--order-by",
            "Column of dates or numbers to split by: earliest rows for training, latest for testing (default: none).",
            DATA,
            "COLUMN",
        ),
    ] = None
    image_size: Annotated[
        str | None, option("--image-size", "Size that images are resized to, for example 28x28.", DATA, "HEIGHTxWIDTH")
    ] = None
    data_dir: Annotated[
        Path | None,
        option(
            "--data-dir",
            "Folder with the files of mnist, fashion or kmnist (default: the download cache).",
            DATA,
            "FOLDER",
        ),
    ] = None
    validation: Annotated[
        str | None, option("--validation", "Fraction or number of validation samples (default: 0.1).", DATA, "SIZE")
    ] = None
    test: Annotated[
        str | None, option("--test", "Fraction or number of test samples (default: 0.1).", DATA, "SIZE")
    ] = None

    def load(self, name_or_path: str, *, seed: int, progress: bool = False) -> Dataset:
        """Load and split a data set; see `load`."""
        return load(name_or_path, seed=seed, progress=progress, **vars(self) | {"types": types_of(self.types)})

    def split(self) -> dict[str, str | None]:
        """Return the options that define how the data are split."""
        return {name: getattr(self, name) for name in SPLIT}

    def split_as(self, split: Mapping[str, Any]) -> DataChoice:
        """Return the choice with another split, unless one was typed."""
        return self if any(self.split().values()) else replace(self, **split)


DATA_OPTIONS = group_of(DataChoice)


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
    target = target[0] if target and not isinstance(target, str) and len(target) == 1 else target or None
    size = None if image_size is None else _image_size(image_size)
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
        say(message("Note: {note}", note=note))


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
    if error.field == "train":  # no sample is left for it
        return error.replace(suggestion="--validation 0 --test 0, or more rows", field="training")
    option = _COLUMN_OPTIONS.get(error.field or "")
    if error.types:
        return error.replace(suggestion=type_options(error.types), field=option or error.field)
    if option is None:
        return error
    near = error.column
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
    is_path = near is None and (Path(name).suffix or len(Path(name).parts) > 1)
    if is_path:
        instead = "an existing path, or a name of deltarule data list"
        return UnknownDataset("a file or folder", f"{error.value}, which does not exist", instead)
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
    sizes = [None if text is None else _size(text, option) for text, option in ((validation, "v"), (test, "t"))]
    if sizes == [None, None] and by["group_by"] is by["order_by"] is None:
        return load_dataset(data, progress=progress, **source)
    official = load_dataset(data, split="official", progress=progress, **source)
    if official.test is not None and sizes[1] is None:
        size = sizes[0]
        if not size:
            return official
        asked: dict[str, Any] = {"fraction": size} if isinstance(size, float) else {"size": size}
        return official.with_validation(seed=seed, **asked)
    parts = [0.1 if size is None else size for size in sizes]
    split = Split(validation=parts[0], test=parts[1], seed=seed, **by)
    return load_dataset(data, split=split, **source)


def _size(text: str, option: str) -> float | int:
    name = "--validation" if option == "v" else "--test"
    value = number_of(text)
    if isinstance(value, str) or not value >= 0 or (isinstance(value, float) and value >= 1):
        wanted = f"a fraction from 0 to below 1, or a number of samples, for {name}"
        raise DataError(wanted, repr(text), f"{name} 0.1, or {name} 1000")
    return value  # type: ignore[no-any-return]
