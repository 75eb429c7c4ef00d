"""Samples for `deltarule predict`, from a file, a folder or a named data set, with targets where known."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.cli.data_options import load
from deltarule.cli.terminal import say
from deltarule.data import Dataset, Part, Table, table_of
from deltarule.data.files import is_table_file, read_table
from deltarule.data.images import ENDINGS, image_files, is_image_folder, read_images
from deltarule.data.kinds import Kind
from deltarule.data.limits import BYTES_AT_MOST
from deltarule.data.numpy_files import read_npy
from deltarule.data.targets import targets_of
from deltarule.errors import DataError, DataFileError
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble
from deltarule.regular_files import read_bytes, reason
from deltarule.types import Floats

STANDARD_INPUT = "-"


@contextmanager
def samples_to_predict(
    model: Model | Ensemble,
    data: str,
    part: str | None,
    data_dir: Path | None,
    split: Mapping[str, Any],
    *,
    quiet: bool = False,
) -> Iterator[tuple[Any, Part | None]]:
    """Give the samples to predict, and the same samples with their targets where these are known.

    data : a file, a folder, a data set's name, or - for standard input, whose rows are in a file until the end.
    part : the set to predict; None selects all rows of a file, and the test set of a data set.
    split : the options that split the data in training, where they are known.
    quiet : whether notes on the data and progress are suppressed.
    """
    if data != STANDARD_INPUT:
        yield _samples(model, data, part, data_dir, split, quiet=quiet)
        return
    if part is not None:
        raise DataError("no --part for rows from standard input", part)
    with tempfile.TemporaryDirectory() as folder:
        path = _file_of_standard_input(Path(folder), json_lines=model.encoding is not None)
        try:
            samples = _samples(model, str(path), None, None, {}, quiet=quiet)
        except DataFileError as error:
            value = error.value and error.value.replace(str(path), "standard input")
            raise error.replace(value=value) from None
        yield samples


def _file_of_standard_input(folder: Path, *, json_lines: bool) -> Path:
    """Write what is on standard input to a file: CSV, or JSON lines where it begins with a brace."""
    if sys.stdin is None or sys.stdin.isatty():
        say("Reading rows from standard input, up to Ctrl-D.")
    path = folder / "standard-input"
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        with path.open("rb") as file:
            brace = file.read(1) == b"{"
    except (OSError, ValueError, AttributeError) as error:
        raise DataFileError("rows on standard input", str(error)) from error
    return path.rename(path.with_suffix(".jsonl" if brace and json_lines else ".csv"))


def _samples(
    model: Model | Ensemble,
    data: str,
    part: str | None,
    data_dir: Path | None,
    split: Mapping[str, Any],
    *,
    quiet: bool,
) -> tuple[Any, Part | None]:
    path = Path(data)
    if part is not None and isinstance(model, Ensemble) and model.encoding is not None:
        got = "one that was trained on several folds of all its rows"
        raise DataError("a model of a single training set for --part", got, "the command without --part")
    if model.encoding is not None and (is_table_file(path) or path.suffix == ".npy"):
        if part is None:
            return _rows(model, path)
        return _of_part(_split_as_trained(model, data, split), data, part)
    if path.suffix.lower() in {".npy", ".csv"}:
        return samples_in(path), None
    images = _images(model, path)
    if images is not None:
        return images, None
    x, known = _of_part(_loaded(model, data, data_dir, split, quiet=quiet), data, part or "test")
    if isinstance(model, Ensemble):
        _check_same_for_all(model, data, data_dir, part or "test", x)
    return x, known


def _check_same_for_all(model: Ensemble, data: str, data_dir: Path | None, part: str, x: Any) -> None:
    """Refuse a set that the seeds of the networks split differently: others may have been trained on its samples."""
    first = model.networks[0].recipe.seed
    other = next((each for each in model.networks if each.recipe.seed != first), None)
    if other is None or np.array_equal(x, _of_part(_loaded(other, data, data_dir, {}, quiet=True), data, part)[0]):
        return
    came = f"the {part} set of {data}, which seeds {first} and {other.recipe.seed} split differently"
    raise DataError("a set that is the same for all networks", came, "a file of samples, or data with a test set")


def dataset_as_trained(
    model: Model, data: str, data_dir: Path | None, split: Mapping[str, Any], *, quiet: bool
) -> Dataset:
    """Return the data set that a model was trained on, split as in training, or another one, split by default."""
    path = Path(data)
    if model.encoding is not None and (is_table_file(path) or path.suffix == ".npy"):
        return _split_as_trained(model, data, split)
    return _loaded(model, data, data_dir, split, quiet=quiet)


def _loaded(
    model: Model | Ensemble, data: str, data_dir: Path | None, split: Mapping[str, Any], *, quiet: bool
) -> Dataset:
    path, size = Path(data), None
    if path.is_dir() and is_image_folder(path) and len(model.input_shape) > 1:
        size = "x".join(map(str, model.input_shape[:2]))
    return load(data, data_dir=data_dir, seed=model.recipe.seed, progress=not quiet, image_size=size, **split)


def _of_part(dataset: Dataset, data: str, part: str) -> tuple[Any, Part]:
    known = dataset.parts.get(part)
    if known is None:
        raise DataError(f"a part that {data} has: {', '.join(dataset.parts)}", repr(part))
    return known.x, known


def _split_as_trained(model: Model | Ensemble, data: str, split: Mapping[str, Any]) -> Dataset:
    """Split a table's file as in training."""
    assert model.encoding is not None
    # The split may use columns that the model does not: their types are inferred.
    expected = {**model.encoding.kinds, **_target_kinds(model)}
    return load(data, seed=model.recipe.seed, target=model.encoding.target, types=expected, **split)


def _target_kinds(model: Model | Ensemble) -> dict[str, Kind]:
    """Return the types of the target columns that give the model's labels."""
    assert model.encoding is not None
    if model.multilabel:
        return dict.fromkeys(model.encoding.targets, "boolean")
    if model.classes is None or model.classes.dtype.kind in "iuf":
        return dict.fromkeys(model.encoding.targets, "number")
    return dict.fromkeys(model.encoding.targets, "boolean" if model.classes.dtype.kind == "b" else "category")


def _rows(model: Model | Ensemble, path: Path) -> tuple[Table, Part | None]:
    """Return the rows of a table's file, with targets where the target column exists and has no missing values."""
    assert model.encoding is not None
    expected = model.encoding.expected(_target_kinds(model))
    try:
        if path.suffix == ".npy":
            array = read_npy(path)
            names = [column.name for column in model.encoding.columns]
            table = table_of(array, expected, names if array.shape[1:] == (len(names),) else None)
        else:
            table = read_table(path, expected)
    except DataError as error:
        # The model's types are those of its training set, and no option of the command.
        corrected = error.replace(suggestion="a missing value, or a corrected one") if error.types else error
        if isinstance(corrected, DataFileError):
            raise corrected from error
        raise DataFileError.of(corrected, f"{path}: {corrected.value}") from error
    rows = Table(tuple(table.column(column.name) for column in model.encoding.columns))
    targets = [column for column in table if column.name in model.encoding.targets]
    if not targets or len(targets) < len(model.encoding.targets) or any(column.missing.any() for column in targets):
        return rows, None
    in_order = [table.column(name) for name in model.encoding.targets]
    return rows, Part(rows, targets_of(in_order, several=not model.single))


def _images(model: Model | Ensemble, path: Path) -> npt.NDArray[np.uint8] | None:
    """Read an image, or the images directly in a folder; return None for anything else."""
    if path.suffix.lower() in ENDINGS and path.is_file():
        paths = [path]
    elif path.is_dir() and not any(each.is_dir() for each in path.iterdir()):
        paths = image_files(path)
    else:
        paths = []
    if not paths or len(model.input_shape) not in {2, 3}:
        return None
    return read_images(paths, (model.input_shape[0], model.input_shape[1]), grey=len(model.input_shape) == 2)


def samples_in(path: Path) -> npt.NDArray[Any]:
    """Read the samples in a .npy file, or the numbers in a .csv file with or without a header."""
    try:
        x: npt.NDArray[Any] = read_npy(path, mapped=True) if path.suffix.lower() == ".npy" else _csv(path)
    except (OSError, MemoryError) as error:
        raise DataFileError("a file of samples", f"{path}: {reason(error)}") from error
    except DataFileError:
        raise
    except ValueError as error:
        raise DataFileError("rows of as many numbers each", f"{path}: {reason(error)}") from error
    if x.dtype.kind not in "fiub" or x.ndim < 2:
        raise DataFileError("numbers of shape (n, …)", f"{path}: {x.dtype} of shape {x.shape}")
    if len(x) == 0:
        raise DataFileError("at least one sample", f"{path}, which has none")
    return x


def _csv(path: Path) -> Floats:
    lines = [line for line in read_bytes(path, BYTES_AT_MOST).decode("utf-8-sig").splitlines() if line.strip()]
    if lines and not _all_numbers(lines[0]):
        lines = lines[1:]
    if not lines:
        raise ValueError("no rows of numbers")
    return np.loadtxt(lines, delimiter=",", ndmin=2, dtype=np.float64)


def _all_numbers(line: str) -> bool:
    try:
        [float(cell) for cell in line.split(",")]
    except ValueError:
        return False
    return True
