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

from deltarule.cli.interrupts import interrupts
from deltarule.cli.option_groups import ENGINE, DataFolder, engine_option, json_option, option, quiet_option
from deltarule.cli.terminal import console, messages_of, print_json, print_tables, progress_bar, say
from deltarule.experiments.reproduce import (
    AS_PUBLISHED,
    Experiment,
    FairExperiment,
    Given,
    Reproduction,
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
            "--output",
            "Folder for the results: new, or of a --fair run to continue (default: runs/reproduce-NAME-1, -2, …).",
            metavar="FOLDER",
        ),
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
    quiet: Annotated[bool, quiet_option()] = False,
) -> None:  # fmt: skip
    """Rerun a founding experiment and compare its figures with the published ones.

    Each experiment is run exactly as published, or as a fair comparison with --fair. Settings can be changed.
    The same command with --output FOLDER continues an interrupted run with --fair.

    Examples:

    \b
    deltarule reproduce moons
    deltarule reproduce moons --set learning_rate=0.01 --set hidden=8,4
    deltarule reproduce moons --fair --seeds 20
    deltarule reproduce digits --data-dir my/mnist --published my/lists
    deltarule reproduce fashion --data-dir my/fashion --set epochs=20 --seeds 4
    deltarule reproduce fashion --fair --output runs/reproduce-fashion-1
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    messages = messages_of(quiet)
    of_seeds = [f"seeds={seeds}"] if fair and seeds is not None else []
    wanted = changed(experiment(name, fair=fair), [*(setting or ()), *of_seeds])
    resumed = fair and output is not None and (output / COMPARISON).is_dir()
    if output is not None and not resumed:
        check_free(output)
    lists = published_folder(data_dir, published)
    given = Given(data_of(wanted, data_dir, progress=not quiet), lists, engine)
    # The folder is created first, so that a folder that cannot be written is reported before minutes of training.
    with _folder(name, output, resumed=resumed) as folder:
        _run_in(folder, wanted, given, 1 if seeds is None or fair else seeds, messages, as_json=as_json)


def _run_in(folder: Path, wanted: Experiment, given: Given, seeds: int, messages: Console, *, as_json: bool) -> None:
    """Run an experiment, report it, and write its results and pictures into a folder."""
    began = time.perf_counter()
    with _continued_later(folder) if isinstance(wanted, FairExperiment) else nullcontext():
        found = _with_bar(wanted, dataclasses.replace(given, folder=folder), seeds, messages)
    seconds = time.perf_counter() - began
    failures = Failures()
    failures.attempt(_write, folder, wanted, found, given.engine, seconds)
    _print_report(wanted, found, messages)
    if as_json:
        failures.attempt(print_json, found.to_json())
    pictures = failures.attempt(found.results[0].write, folder)
    failures.check()
    if pictures is not None:
        names = (path.relative_to(folder).as_posix() for path in (folder / RESULT, *pictures))
        say(f"{seconds:.0f} s. In {folder}: {', '.join(names)}.", messages)


@contextmanager
def _continued_later(folder: Path) -> Iterator[None]:
    """Allow a comparison to write its report after a signal, and say how to continue it."""
    with interrupts.unhurried():
        try:
            yield
            interrupts.check()
        except KeyboardInterrupt:
            say(f"Interrupted; continue with the same command and --output {folder}.", console)
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


def _with_bar(wanted: Experiment, given: Given, seeds: int, messages: Console) -> Reproduction:
    numbers = ", ".join(f"{name}={_words(value)}" for name, value in wanted.changes().items())
    form = "fair comparison" if isinstance(wanted, FairExperiment) else "as published"
    say(f"{wanted.name}, {form}{f', but for {numbers}' if numbers else ''}; engine {given.engine}.", messages)
    with progress_bar(wanted.name, max(seeds, 1) * wanted.steps, messages) as bar:
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


def _print_report(wanted: Experiment, found: Reproduction, messages: Console) -> None:
    print_tables(found.tables(), messages)
    if not wanted.is_as_published() and not isinstance(wanted, FairExperiment):
        messages.print()
        say("The published numbers are for the published settings, not for the changed ones.", messages)
    messages.print()


def _words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
