"""`deltarule reproduce`: rerun a founding experiment and compare its figures with the published ones."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deltarule.cli.interrupts import interrupts
from deltarule.cli.option_groups import ENGINE, DataFolder, engine_option, json_option, option, quiet_option
from deltarule.cli.terminal import messages_of, print_json, progress_bar, say, table_of
from deltarule.experiments.reproduce import (
    AS_PUBLISHED,
    Experiment,
    FairExperiment,
    Given,
    Reproduction,
    TextTable,
    changed,
    data_of,
    experiment,
    published_folder,
)
from deltarule.experiments.reproduce import reproduce as run_again
from deltarule.training.folder import RunFolder, check_free
from deltarule.writing import Failures, write_whole

RESULT = "result.json"


def reproduce(
    name: Annotated[
        str, typer.Argument(help=f"Experiment: {', '.join(AS_PUBLISHED)}.", metavar="NAME", show_default=False)
    ],
    data_dir: DataFolder = None,
    setting: Annotated[
        list[str] | None,
        option("--set", "Setting to change: epochs=20, hidden=256,128; repeatable.", metavar="FIELD=VALUE"),
    ] = None,
    fair: Annotated[
        bool, option("--fair", "Run a fair version: several seeds, equal initial weights, fresh test samples.")
    ] = False,
    seeds: Annotated[
        int | None, option("--seeds", "Number of seeds; reports mean and standard deviation.", metavar="NUMBER")
    ] = None,
    published: Annotated[
        Path | None,
        option(
            "--published", "Folder with the published lists of digits (default: nielsen, beside the data).",
            metavar="FOLDER",
        ),
    ] = None,
    engine: Annotated[str, engine_option()] = ENGINE,
    output: Annotated[
        Path | None,
        option(
            "--output", "Folder for the results, new or empty (default: runs/reproduce-NAME-1, -2, …).",
            metavar="FOLDER",
        ),
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:  # fmt: skip
    """Rerun a founding experiment and compare its figures with the published ones.

    Each experiment is run exactly as published, or as a fair comparison with --fair. Settings can be changed.

    Examples:

    \b
    deltarule reproduce moons
    deltarule reproduce moons --set learning_rate=0.01 --set hidden=8,4
    deltarule reproduce moons --fair --seeds 20
    deltarule reproduce digits --data-dir my/mnist --published my/lists
    deltarule reproduce fashion --data-dir my/fashion --set epochs=20 --seeds 4
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    messages = messages_of(quiet)
    wanted = changed(experiment(name, fair=fair), setting or ())
    if fair and seeds is not None:
        wanted, seeds = changed(wanted, [f"seeds={seeds}"]), None
    if output is not None:
        check_free(output)
    lists = published_folder(data_dir, published)
    given = Given(data_of(wanted, data_dir, progress=not quiet), lists, engine)
    # The folder is created first, so that a folder that cannot be written is reported before minutes of training.
    with _folder(name, output) as folder:
        _run_in(folder, wanted, given, 1 if seeds is None else seeds, messages, as_json=as_json)


def _run_in(folder: Path, wanted: Experiment, given: Given, seeds: int, messages: Console, *, as_json: bool) -> None:
    """Run an experiment, report it, and write its results and pictures into a folder."""
    began = time.perf_counter()
    found = _with_bar(wanted, given, seeds, messages)
    seconds = time.perf_counter() - began
    failures = Failures()
    failures.attempt(_write, folder, wanted, found, given.engine, seconds)
    _print_report(wanted, found, messages)
    if as_json:
        failures.attempt(print_json, found.to_json())
    pictures = failures.attempt(found.results[0].write, folder)
    failures.check()
    if pictures is not None:
        names = ", ".join(path.name for path in (folder / RESULT, *pictures))
        say(f"{seconds:.0f} s. In {folder}: {names}.", messages)


@contextmanager
def _folder(name: str, out: Path | None) -> Iterator[Path]:
    """Create a new folder; remove it and its new parents again if nothing is written in it."""
    asked = out if out is not None else Path("runs") / f"reproduce-{name}"
    made = [each for each in asked.parents if not each.exists()]
    with interrupts.noted():  # between the making of the folder and the knowledge of it nothing is raised
        folder = RunFolder.create(out).path if out is not None else RunFolder.next_of(asked.parent, asked.name).path
    try:
        interrupts.check()
        yield folder
    except BaseException:
        with suppress(OSError):
            for each in (folder, *made):
                each.rmdir()
        raise


def _with_bar(wanted: Experiment, given: Given, seeds: int, messages: Console) -> Reproduction:
    numbers = ", ".join(f"{name}={_words(value)}" for name, value in wanted.changes().items())
    form = "as it should be" if isinstance(wanted, FairExperiment) else "as published"
    say(f"{wanted.name}, {form}{f', but for {numbers}' if numbers else ''}; engine {given.engine}.", messages)
    with progress_bar(wanted.name, max(seeds, 1) * wanted.steps, messages) as bar:
        return run_again(wanted, dataclasses.replace(given, progress=bar.advance), seeds)


def _write(folder: Path, wanted: Experiment, found: Reproduction, engine: str, seconds: float) -> None:
    data: dict[str, Any] = {
        "experiment": wanted.name,
        "settings": wanted.settings(),
        "changed": sorted(wanted.changes()),
        "engine": engine,
        "seconds": round(seconds, 2),
        "result": found.to_json(),
    }
    write_whole(folder / RESULT, (json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())


def _print_report(wanted: Experiment, found: Reproduction, messages: Console) -> None:
    for table in found.tables():
        messages.print()
        messages.print(Text(table.title, style="bold"))
        messages.print(_table(table))
        if table.note:
            say(table.note, messages, style="dim")
    if wanted.changes() and not isinstance(wanted, FairExperiment):
        messages.print()
        say("Published figures are for the published numbers, not for those that were changed.", messages)
    messages.print()


def _table(table: TextTable) -> Any:
    numeric = [
        column
        for place, column in enumerate(table.columns)
        if all(row[place][:1].isdigit() or row[place][:1] in "-−." for row in table.rows)
    ]
    return table_of(table.columns, table.rows, numbers=numeric)


def _words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
