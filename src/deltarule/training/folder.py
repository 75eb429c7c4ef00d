"""A run's folder: its recipe, its history and its model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Self

from deltarule.errors import ModelFileError, OutputError
from deltarule.models import Model
from deltarule.recipes import Recipe
from deltarule.regular_files import JSON_AT_MOST, encoded, json_of, read_bytes, read_json, reason
from deltarule.training.epoch import Epoch
from deltarule.writing import append_lines, is_part, write_whole

RECIPE, HISTORY, MODEL, SPLIT = "recipe.json", "history.jsonl", "model.safetensors", "split.json"
CURVES = "curves.png"


class RunFolder:
    """The folder with the results of a run.

    recipe.json          the recipe, its "auto" fields resolved
    history.jsonl        one `Epoch` per line, written as it ends
    model.safetensors    the model, with its best or last weights
    split.json           the data, and how they were split
    curves.png           picture of the history, drawn by the shell
    checkpoint.safetensors, checkpoint.previous.safetensors    state of a run that has not ended
    samples.png, confusion.png or predictions.png    picture of the predictions, by the kind of data
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten = ""
        self._full = False

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """Create a folder; a folder that exists must be empty.

        Raises OutputError if the path is taken, or the folder cannot be created.
        """
        folder = check_free(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("a folder for the run", f"{folder}: {error.strerror or error}") from error
        return cls(folder)

    @classmethod
    def next_of(cls, parent: str | os.PathLike[str], name: str) -> Self:
        """Create the first folder of `name`-1, `name`-2, … that does not exist, safely under concurrent calls."""
        written = "".join(letter if letter.isprintable() and letter != "/" else "_" for letter in name)
        for number in count(1):
            folder = Path(parent) / f"{written}-{number}"
            try:
                folder.parent.mkdir(parents=True, exist_ok=True)
                folder.mkdir()
            except FileExistsError:
                if not folder.parent.is_dir():
                    raise OutputError("a folder for the run", f"{folder.parent}, which is a file") from None
            except OSError as error:
                raise OutputError("a folder for the run", f"{folder}: {error.strerror or error}") from error
            else:
                return cls(folder)
        raise AssertionError  # pragma: no cover - count() has no end

    def write_recipe(self, recipe: Recipe) -> None:
        """Write `recipe.json`, which `Recipe.from_json` reads."""
        text = json.dumps(recipe.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        write_whole(self.path / RECIPE, text.encode())

    def write_split(self, data: str, options: Mapping[str, str | None]) -> None:
        """Write `split.json`: the name of the data, and the options that split them."""
        text = json.dumps({"data": _same(data), **options}, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path / SPLIT, encoded(text))

    def start_history(self, epochs: Sequence[Epoch]) -> None:
        """Write `history.jsonl` with the epochs of a run that is resumed; a new run's has no lines yet."""
        if epochs or (self.path / HISTORY).exists():
            write_whole(self.path / HISTORY, "".join(map(_line, epochs)).encode())

    def append(self, epoch: Epoch) -> None:
        """Append an epoch to `history.jsonl`, visible to other processes immediately.

        After a failed write, this and all later epochs are written by `finish_history`, so that training continues.
        """
        self._unwritten += _line(epoch)
        if not self._full:
            try:
                self._append()
            except OutputError:
                self._full = True

    def finish_history(self) -> None:
        """Write the remaining epochs, and flush `history.jsonl` to disk.

        Raises OutputError.
        """
        self._append(flush=True)

    def write_model(self, model: Model) -> Path:
        """Write `model.safetensors` atomically; return its path."""
        return model.save(self.path / MODEL)

    def _append(self, *, flush: bool = False) -> None:
        append_lines(self.path / HISTORY, self._unwritten, flush=flush)
        self._unwritten = ""


def _line(epoch: Epoch) -> str:
    """Return an epoch as a line of the history."""
    return json.dumps(epoch.to_json(), allow_nan=False) + "\n"


def read_history(folder: str | os.PathLike[str]) -> list[Epoch]:
    """Return the epochs of a run's folder; none where it has no history, or for a file.

    Raises ModelFileError for a file that is no history.

    >>> read_history("no such folder")
    []
    """
    path = Path(folder) / HISTORY
    if not path.exists():
        return []
    try:
        lines = read_bytes(path, JSON_AT_MOST).decode().splitlines()
        return [Epoch.from_json(json_of(line)) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelFileError("a history written by deltarule", f"{path}: {reason(error)}") from error


def data_of(folder: str | os.PathLike[str]) -> str | None:
    """Return the name or the path of the data that a run's folder was trained on; None where it is unknown.

    >>> data_of("no such folder") is None
    True
    """
    path = Path(folder) / SPLIT
    if not path.exists():
        return None
    try:
        written = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelFileError("a split written by deltarule", f"{path}: {reason(error)}") from error
    data = written.get("data") if isinstance(written, dict) else None
    return data if isinstance(data, str) else None


def split_of(folder: str | os.PathLike[str], data: str, names: Sequence[str]) -> dict[str, str | None]:
    """Return the options of these names that split the same data in a run's folder; none for other data or a file.

    >>> split_of("no such folder", "digits", ["validation"])
    {}
    """
    path = Path(folder) / SPLIT
    if not path.exists():
        return {}
    try:
        written = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelFileError("a split written by deltarule", f"{path}: {reason(error)}") from error
    known = isinstance(written, dict) and all(value is None or isinstance(value, str) for value in written.values())
    if not known or set(written) != {"data", *names}:
        raise ModelFileError(f"a split with the fields data, {', '.join(names)}", f"{path}, which has others")
    if written.pop("data") != _same(data):
        return {}
    return dict(written)


def _same(data: str) -> str:
    """Return a name of the data that does not depend on the current folder."""
    return str(Path(data).resolve()) if Path(data).exists() else data


def check_free(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path` if it is new or empty: a run never overwrites another one."""
    folder = Path(path)
    try:
        if folder.is_dir() and all(map(is_part, folder.iterdir())):
            return folder
        taken = folder.exists() or folder.is_symlink()
    except OSError as error:
        raise OutputError("a folder for the run", f"{folder}: {error.strerror or error}") from error
    if taken:
        got = f"{folder}, which {'is not empty' if folder.is_dir() else 'is a file'}"
        raise OutputError("a new or empty folder for the run", got)
    return folder


def model_path(path: str | os.PathLike[str]) -> Path:
    """Return the model's file in a run's folder, or the file itself.

    >>> model_path("digits.safetensors").name
    'digits.safetensors'
    """
    given = Path(path)
    return given / MODEL if given.is_dir() else given
