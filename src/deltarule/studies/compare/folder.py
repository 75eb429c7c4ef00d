"""The folder of a comparison: its plan, and a line for each network, written as it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from deltarule.data.limits import BYTES_AT_MOST
from deltarule.errors import OutputError
from deltarule.models import Model
from deltarule.regular_files import encoded, json_of, opened, read_json, reason
from deltarule.studies.compare.trial import Finished
from deltarule.training.folder import check_free
from deltarule.training.locking import FolderLock
from deltarule.writing import append_lines, remove_parts, write_whole

PLAN, NETWORKS, MODELS = "comparison.json", "networks.jsonl", "models"
LONGEST_NAME = 120  # bytes
_LONGEST_LINE = 1 << 26  # bytes: the losses of about five million batches
FORMAT = "deltarule-comparison-1"


class ComparisonFolder:
    """The folder of a comparison, complete or interrupted; the next comparison with the same folder resumes.

    comparison.json    what is compared: data, seeds, the recipe of each variant
    networks.jsonl     one trained network a line, including those of tuning; each has the key of what determines it
    models/            NAME-SEED-KEY.safetensors, if models are kept; the key is that of networks.jsonl
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | os.PathLike[str], data: str) -> Self:
        """Open a new folder, or that of a comparison on the same data, whose finished networks are used.

        data : digest of the samples.

        Raises OutputError if the folder contains something else.
        """
        folder = Path(path)
        if not (folder / PLAN).exists():
            check_free(folder)
        else:
            known = _plan(folder / PLAN)
            if known.get("format") != FORMAT:
                raise OutputError("the folder of a comparison", f"{folder / PLAN}: another format", "a new folder")
            about = known.get("data")
            if not isinstance(about, dict) or about.get("digest") != data:
                raise OutputError("the folder of a comparison on the same data", f"{folder}: other samples or parts")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("a folder for the comparison", f"{folder}: {error.strerror or error}") from error
        return cls(folder)

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Write what is compared."""
        text = json.dumps({"format": FORMAT, **plan}, indent=1, allow_nan=False, ensure_ascii=False)
        write_whole(self.path / PLAN, encoded(f"{text}\n"))

    def networks(self) -> dict[str, Finished]:
        """Return the finished networks by their keys. A truncated line is a network that is not finished."""
        found = {}
        try:
            with opened(self.path / NETWORKS, BYTES_AT_MOST) as stream:
                while line := stream.readline(_LONGEST_LINE):
                    with suppress(ValueError):
                        network = Finished.from_json(json_of(line, values=_LONGEST_LINE))
                        found[network.key] = network
        except FileNotFoundError:
            return {}
        except (OSError, MemoryError) as error:
            raise OutputError("a readable networks.jsonl", f"{self.path}: {reason(error)}") from error
        return found

    def append(self, network: Finished) -> None:
        """Append a network, visible to other processes at once."""
        append_lines(self.path / NETWORKS, json.dumps(network.to_json(), allow_nan=False) + "\n")

    def write_model(self, network: Finished, model: Model) -> None:
        """Write the model of a network."""
        path = self._path_of(network)
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError("a folder for the models", f"{path.parent}: {error.strerror or error}") from error
        model.save(path)

    def has_model(self, network: Finished) -> bool:
        """Whether the model of a network exists."""
        return self._path_of(network).is_file()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder's lock, which the system releases when the process ends.

        Raises OutputError if another comparison holds it.
        """
        with FolderLock(self.path, "comparison").held():
            for folder in (self.path, self.path / MODELS):
                remove_parts(folder)
            yield

    def _path_of(self, network: Finished) -> Path:
        letters = (letter if letter.isalnum() or letter in "._-=" else "-" for letter in network.variant)
        name = "".join(letters).encode()[:LONGEST_NAME].decode(errors="ignore")
        return self.path / MODELS / f"{name}-{network.seed}-{network.key[:8]}.safetensors"


def _plan(path: Path) -> dict[str, Any]:
    try:
        known = read_json(path)
    except (OSError, ValueError) as error:
        raise OutputError("the folder of a comparison", f"{path}: {reason(error)}", "a new folder") from error
    return known if isinstance(known, dict) else {}
