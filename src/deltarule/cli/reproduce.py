"""`deltarule reproduce`: rerun a founding experiment and compare its figures with the published ones."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deltarule.cli.interrupts import interrupts
from deltarule.cli.terminal import console, print_json, progress_bar, say, table_of, words_of
from deltarule.engines.registry import ENGINES
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
from deltarule.experiments.reproduce.fair.experiment import COMPARISON
from deltarule.training.folder import RunFolder, check_free
from deltarule.writing import Failures, write_whole

RESULT = "result.json"


def reproduce(
    name: Annotated[
        str, typer.Argument(help=f"Experiment: {', '.join(AS_PUBLISHED)}.", metavar="NAME", show_default=False)
    ],
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder with the files of mnist or fashion.", metavar="FOLDER"),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Setting to change: epochs=20, hidden=256,128; repeatable.", metavar="FIELD=VALUE",
            show_default=False,
        ),
    ] = None,
    fair: Annotated[
        bool,
        typer.Option("--fair", help="Run a fair version: several seeds, equal initial weights, fresh test samples."),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", help="Number of seeds; reports mean and standard deviation.", metavar="NUMBER",
            show_default=False,
        ),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            "--published", help="Folder with the published lists of digits (default: nielsen, beside the data).",
            metavar="FOLDER", show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help=f"Engine: {', '.join(ENGINES)}.", metavar="NAME")
    ] = "compiled",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", metavar="FOLDER", show_default=False,
            help="Folder for the results: new, or of a --fair run to continue (default: runs/reproduce-NAME-1, -2, …).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Suppress messages and progress.")] = False,
) -> None:  # fmt: skip
    """Rerun a founding experiment and compare its figures with the published ones.

    Each experiment is run exactly as published, or as a fair comparison with --fair. Settings can be changed.
    The same command with --out FOLDER continues an interrupted run with --fair.

    Examples:

    \b
    deltarule reproduce moons
    deltarule reproduce moons --set learning_rate=0.01 --set hidden=8,4
    deltarule reproduce moons --fair --seeds 20
    deltarule reproduce digits --data-dir my/mnist --published my/lists
    deltarule reproduce fashion --data-dir my/fashion --set epochs=20 --seeds 4
    deltarule reproduce fashion --fair --out runs/reproduce-fashion-1
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    words = words_of(quiet)
    wanted = changed(experiment(name, fair=fair), setting or ())
    if fair and seeds is not None:
        wanted, seeds = changed(wanted, [f"seeds={seeds}"]), None
    resumed = fair and out is not None and (out / COMPARISON).is_dir()
    if out is not None and not resumed:
        check_free(out)
    lists = published_folder(data_dir, published)
    given = Given(data_of(wanted, data_dir, progress=not quiet), lists, engine)
    # The folder is created first, so that a folder that cannot be written is reported before minutes of training.
    with _folder(name, out, resumed=resumed) as folder:
        began = time.perf_counter()
        with _continued_later(folder) if fair else nullcontext():
            found = _with_bar(wanted, dataclasses.replace(given, folder=folder), 1 if seeds is None else seeds, words)
        seconds = time.perf_counter() - began
        failures = Failures()
        failures.attempt(_write, folder, wanted, found, engine, seconds)
        _tell(wanted, found, words)
        if as_json:
            failures.attempt(print_json, found.to_json())
        pictures = failures.attempt(found.results[0].write, folder)
        failures.check()
    if pictures is not None:
        names = (path.relative_to(folder).as_posix() for path in (folder / RESULT, *pictures))
        say(f"{seconds:.0f} s. In {folder}: {', '.join(names)}.", words)


@contextmanager
def _continued_later(folder: Path) -> Iterator[None]:
    """Allow a comparison to write its report after a signal, and say how to continue it."""
    with interrupts.unhurried():
        try:
            yield
            interrupts.check()
        except KeyboardInterrupt:
            say(f"Interrupted; continue with the same command and --out {folder}.", console)
            interrupts.said()
            raise typer.Exit(interrupts.code) from None


@contextmanager
def _folder(name: str, out: Path | None, *, resumed: bool) -> Iterator[Path]:
    """Create a folder unless a run is resumed; remove it and its new parents again if nothing is written in it."""
    if resumed and out is not None:
        yield out
        return
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


def _with_bar(wanted: Experiment, given: Given, seeds: int, words: Console) -> Reproduction:
    numbers = ", ".join(f"{name}={_words(value)}" for name, value in wanted.changes().items())
    form = "fair comparison" if isinstance(wanted, FairExperiment) else "as published"
    say(f"{wanted.name}, {form}{f', but for {numbers}' if numbers else ''}; engine {given.engine}.", words)
    with progress_bar(wanted.name, max(seeds, 1) * wanted.steps, words) as bar:
        return run_again(wanted, dataclasses.replace(given, progress=bar.advance, networks=bar.reached), seeds)


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


def _tell(wanted: Experiment, found: Reproduction, words: Console) -> None:
    for table in found.tables():
        words.print()
        words.print(Text(table.title, style="bold"))
        words.print(_table(table))
        if table.note:
            say(table.note, words, style="dim")
    if not wanted.is_as_published() and not isinstance(wanted, FairExperiment):
        words.print()
        say("The published numbers are for the published settings, not for the changed ones.", words)
    words.print()


def _table(table: TextTable) -> Any:
    numeric = [
        column
        for place, column in enumerate(table.columns)
        if all(row[place][:1].isdigit() or row[place][:1] in "-−." for row in table.rows)
    ]
    return table_of(table.columns, table.rows, numbers=numeric)


def _words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
