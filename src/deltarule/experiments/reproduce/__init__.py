"""The four founding experiments, and the comparison of their results with the published ones.

An experiment is a frozen dataclass of its settings; `run` returns a result with JSON, tables and pictures. Nothing here
prints. `AS_PUBLISHED` follows the originals in every detail, so that their numbers can be reproduced. `FAIR` compares
with the same initial weights and batches for all variants, several seeds, and a test set that is used once.
"""

from __future__ import annotations

import os
from pathlib import Path

from deltarule.data import Dataset, load_dataset
from deltarule.errors import DataFileError, UnknownName, nearest
from deltarule.experiments.reproduce.digits import Digits
from deltarule.experiments.reproduce.experiment import (
    Experiment,
    Given,
    Reproduction,
    Result,
    changed,
    reproduce,
)
from deltarule.experiments.reproduce.fair.digits import FairDigits
from deltarule.experiments.reproduce.fair.experiment import FairExperiment
from deltarule.experiments.reproduce.fair.fashion import FairFashion
from deltarule.experiments.reproduce.fair.moons import FairMoons
from deltarule.experiments.reproduce.fair.optimizers import FairOptimizers
from deltarule.experiments.reproduce.fashion import Fashion
from deltarule.experiments.reproduce.moons import Moons
from deltarule.experiments.reproduce.optimizers import Optimizers
from deltarule.studies.text_table import TextTable

__all__ = [
    "AS_PUBLISHED",
    "FAIR",
    "Digits",
    "Experiment",
    "FairExperiment",
    "Fashion",
    "Given",
    "Moons",
    "Optimizers",
    "Reproduction",
    "Result",
    "TextTable",
    "changed",
    "data_of",
    "experiment",
    "official_data",
    "published_folder",
    "reproduce",
]

AS_PUBLISHED: dict[str, type[Experiment]] = {cls.name: cls for cls in (Fashion, Moons, Optimizers, Digits)}
"""Each experiment as published, by its name."""

FAIR: dict[str, type[FairExperiment]] = {cls.name: cls for cls in (FairFashion, FairMoons, FairOptimizers, FairDigits)}
"""The fair version of each experiment, by its name."""

PUBLISHED_LISTS = "nielsen"
"""Name of the folder of the published lists, searched for beside the folder of the images and in it."""


def experiment(name: str, *, fair: bool = False) -> Experiment:
    """Return the experiment of this name, as published or in its fair version.

    >>> experiment("moons").settings()["learning_rate"]
    0.0007
    >>> experiment("moon")
    Traceback (most recent call last):
        ...
    deltarule.errors.UnknownName: Expected an experiment (fashion, moons, optimizers, digits), got 'moon'. Try: moons
    """
    if name not in AS_PUBLISHED:
        raise UnknownName(
            f"an experiment ({', '.join(AS_PUBLISHED)})",
            repr(name),
            nearest(name, AS_PUBLISHED) or next(iter(AS_PUBLISHED)),
        )
    return FAIR[name]() if fair else AS_PUBLISHED[name]()


def data_of(wanted: Experiment, data_dir: Path | None = None, *, progress: bool = False) -> Dataset | None:
    """Return the data set of an experiment with its official split, or None if it needs none."""
    return None if wanted.dataset is None else official_data(wanted.dataset, data_dir, progress=progress)


def official_data(name: str, data_dir: Path | None = None, *, progress: bool = False) -> Dataset:
    """Return a data set of images by its name, with its official split."""
    if data_dir is not None and not data_dir.expanduser().is_dir():
        files = "train-images-idx3-ubyte.gz and the three others"
        raise DataFileError(
            f"a folder with the files of {name} ({files})",
            f"{str(data_dir)!r}, which is not a folder",
            f"--data-dir FOLDER with the four files, or `deltarule data fetch {name}`",
        )
    return load_dataset(name, data_dir=data_dir, split="official", progress=progress)


def published_folder(data_dir: Path | None = None, given: Path | None = None) -> Path | None:
    """Return the folder of the published lists: the one given, or `nielsen` beside the data or in it, or None."""
    if given is not None:
        if not given.expanduser().is_dir():
            raise DataFileError("a folder with the published lists", f"{str(given)!r}, which is not a folder")
        return given.expanduser()
    named = data_dir or os.environ.get("DELTARULE_DATA")
    if not named:
        return None
    folder = Path(named).expanduser().resolve()
    places = (folder.parent / PUBLISHED_LISTS, folder / PUBLISHED_LISTS)
    return next((place for place in places if place.is_dir()), None)
