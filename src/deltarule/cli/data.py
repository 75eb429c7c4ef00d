"""`deltarule data`: the data sets that have a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from deltarule.cli import options
from deltarule.cli.terminal import print_json, print_lines, print_table, say, table_of, words_of
from deltarule.data import DATASETS, Dataset, DatasetInfo, fetch_dataset
from deltarule.errors import UnknownDataset

commands = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

_JSON = typer.Option("--json", help="Print one JSON object.")


@commands.command("list")
def list_datasets(as_json: Annotated[bool, _JSON] = False) -> None:
    """List the data sets that have a name."""
    if as_json:
        print_json({"datasets": [_facts(info) for info in DATASETS.values()]})
        return
    rows = [
        (info.name, info.what, f"{info.samples:,}", _shape(info.shape), _answers(info), info.where)
        for info in DATASETS.values()
    ]
    columns = ("Name", "What it is", "Samples", "Sample", "Predicts", "Where from")
    print_table(table_of(columns, rows, numbers=("Samples",)))


@commands.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="mnist, fashion or kmnist.", metavar="NAME", show_default=False)],
    as_json: Annotated[bool, _JSON] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No words, no progress.")] = False,
) -> None:
    """Download a data set into the cache; what is there already is kept, what was begun is continued."""
    try:
        folder = fetch_dataset(name, progress=not quiet)
    except UnknownDataset as error:
        raise options.unknown_dataset(name, error) from None
    say(f"{name} is in {folder}.", words_of(quiet))
    if as_json:
        print_json({"name": name, "folder": str(folder)})


@commands.command("info")
def info(
    name: Annotated[
        str,
        typer.Argument(help="The name of a data set, or a folder of IDX files.", metavar="NAME", show_default=False),
    ],
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Where the files of mnist, fashion, kmnist lie.", show_default=False),
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Say what a data set is: samples, classes, parts, source, licence.

    A set that would have to be downloaded first is told from what is known of it, without its parts.
    """
    known = DATASETS.get(name)
    facts: dict[str, Any] = {"name": name} if known is None else _facts(known)
    if known is None or known.where != "downloaded" or data_dir is not None:
        facts |= _parts(options.load(name, data_dir=data_dir), known)
    if as_json:
        print_json(facts)
        return
    print_lines(
        f"{key.replace('_', ' ') + ':':<13}{_words(value)}" for key, value in facts.items() if value is not None
    )


def _facts(info: DatasetInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "what": info.what,
        "samples": info.samples,
        "shape": list(info.shape),
        "classes": info.classes,
        "where": info.where,
        "source": info.source,
        "licence": info.licence,
    }


def _parts(dataset: Dataset, known: DatasetInfo | None) -> dict[str, Any]:
    """What the data themselves say: their parts, as the default split makes them, and their classes."""
    facts: dict[str, Any] = {}
    if known is None:
        classes = len(np.unique(dataset.train.y)) if dataset.task == "classification" else None
        samples = sum(len(part) for part in dataset.parts.values())
        facts = {"samples": samples, "shape": list(dataset.train.x.shape[1:]), "classes": classes}
        facts["source"] = dataset.source or None
    facts["task"] = dataset.task
    facts["parts"] = {name: len(part) for name, part in dataset.parts.items()}
    facts["class_names"] = None if dataset.class_names is None else list(dataset.class_names)
    facts["feature_names"] = None if dataset.feature_names is None else list(dataset.feature_names)
    return facts


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} numbers"


def _answers(info: DatasetInfo) -> str:
    return "a number" if info.classes is None else f"{info.classes} classes"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in value.items())
    if isinstance(value, list):
        return (" × " if value and isinstance(value[0], int) else ", ").join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
