"""`deltarule data`: list, download and describe data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from deltarule.cli.command_groups import LazyGroup, Source
from deltarule.cli.data_options import load, types_of, unknown_dataset
from deltarule.cli.option_groups import DataFolder, json_option, option, quiet_option
from deltarule.cli.terminal import messages_of, print_facts, print_json, print_lines, print_table, say, table_of
from deltarule.data import DATASETS, Column, Dataset, DatasetInfo, Table, fetch_dataset
from deltarule.data.files import is_table_file, read_table
from deltarule.errors import DataError, UnknownDataset
from deltarule.language import count_of, message

COMMANDS = {
    "list": Source("deltarule.cli.data:list_datasets", "List the built-in data sets."),
    "fetch": Source(
        "deltarule.cli.data:fetch",
        "Download a data set into the cache; files that exist are kept, partial downloads are resumed.",
    ),
    "info": Source(
        "deltarule.cli.data:info",
        "Describe a data set: samples, classes, split, source, licence, and the columns of a table.",
    ),
    "augment": Source(
        "deltarule.cli.augment:augment",
        "Augment a training set with transformed samples, or draw a preview of them.",
    ),
}


class DataGroup(LazyGroup):
    """The commands on data sets."""

    sources = COMMANDS


commands = typer.Typer(cls=DataGroup, no_args_is_help=True, rich_markup_mode="rich", add_completion=False)


@commands.callback()
def data() -> None:
    """List, download, describe and augment data sets."""


_Json = Annotated[bool, json_option()]


def list_datasets(as_json: _Json = False) -> None:
    """List the built-in data sets."""
    if as_json:
        print_json({"datasets": [_facts(info) for info in DATASETS.values()]})
        return
    rows = [
        (info.name, info.what, f"{info.samples:,}", _shape(info.shape), _answers(info), info.where)
        for info in DATASETS.values()
    ]
    columns = ("Name", "What it is", "Samples", "Sample", "Predicts", "Where from")
    print_table(table_of(columns, rows, numbers=("Samples",)))


def fetch(
    name: Annotated[
        str, typer.Argument(help="Name of the data set: mnist, fashion or kmnist.", metavar="NAME", show_default=False)
    ],
    as_json: _Json = False,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:
    """Download a data set into the cache; files that exist are kept, partial downloads are resumed."""
    try:
        folder = fetch_dataset(name, progress=not quiet)
    except UnknownDataset as error:
        raise unknown_dataset(name, error) from None
    except DataError as error:
        bundled = DATASETS[name].where != "downloaded"
        raise (error.replace(suggestion=f"deltarule train {name}") if bundled else error) from None
    say(message("{name} is in {folder}.", name=name, folder=folder), messages_of(quiet))
    if as_json:
        print_json({"name": name, "folder": str(folder)})


def info(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a data set, a file (CSV, TSV, JSON lines, Parquet, Feather, .npy, .npz), or a folder of "
            "IDX files or images.",
            metavar="DATA",
            show_default=False,
        ),
    ],
    target: Annotated[
        list[str] | None, option("--target", "Target column of a table; repeatable.", metavar="COLUMN")
    ] = None,
    types: Annotated[
        list[str] | None,
        option("--type", "Type of a column; repeatable (default: inferred).", metavar="COLUMN=TYPE"),
    ] = None,
    data_dir: DataFolder = None,
    as_json: _Json = False,
) -> None:
    """Describe a data set: samples, classes, split, source, licence, and the columns of a table.

    A data set that has not been downloaded is described without its split.
    """
    known = DATASETS.get(name)
    if known is None and is_table_file(Path(name)) and Path(name).is_file():
        table = read_table(Path(name), types_of(types))
        parts = None if target is None else _parts(_loaded_table(name, target, types), None)
        _print_table(name, table, parts, as_json=as_json)
        return
    facts: dict[str, Any] = {"name": name} if known is None else _facts(known)
    if known is None or known.where != "downloaded" or data_dir is not None:
        loaded = load(name, data_dir=data_dir, target=target, types=types_of(types), progress=True)
        facts |= _parts(loaded, known)
    if as_json:
        print_json(facts)
        return
    print_facts({key.replace("_", " "): _words(value) for key, value in facts.items() if value is not None})


def _loaded_table(name: str, target: list[str], types: list[str] | None) -> Dataset:
    return load(name, target=target, types=types_of(types), progress=True)


def _print_table(name: str, table: Table, parts: dict[str, Any] | None, *, as_json: bool) -> None:
    """Print a table's columns: their types, missing values and contents."""
    if as_json:
        columns = [column.facts() for column in table]
        print_json({"name": name, "rows": len(table), "columns": columns} | ({} if parts is None else {"parts": parts}))
        return
    print_lines([f"{name}: {count_of(len(table), 'row')}, {count_of(len(table.columns), 'column')}", ""])
    rows = [(_cut(column.name, 24), column.kind, _missing(column), _cut(column.summary(), 35)) for column in table]
    print_table(table_of(("Column", "Type", "Missing", "Values"), rows, numbers=("Missing",)))
    if parts is not None:
        shown = {
            key: value for key, value in parts.items() if value is not None and key in {"task", "classes", "parts"}
        }
        print_lines([""])
        print_facts({key: _words(value) for key, value in shown.items()})


def _missing(column: Column) -> str:
    count = int(column.missing.sum()) if column.usable else 0
    return "" if not count else f"{count:,}"


def _cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


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
    """Return what the loaded data show: task, classes, names, and the sizes of the default split."""
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
