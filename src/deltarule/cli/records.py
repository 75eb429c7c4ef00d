"""`deltarule records`: list the records on images, or run one and compare it with the expected and published errors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deltarule.cli.interrupts import interrupts
from deltarule.cli.option_groups import (
    ENGINE,
    DataFolder,
    engine_option,
    group_of,
    json_option,
    option,
    quiet_option,
    with_groups,
)
from deltarule.cli.terminal import (
    console,
    messages_of,
    plain_table,
    print_json,
    print_table,
    print_tables,
    progress_bar,
    say,
)
from deltarule.engines.registry import ENGINES, PRECISIONS
from deltarule.errors import RecipeError
from deltarule.experiments.records import RECORDS, RecordResult, RecordRun, listing, record
from deltarule.experiments.reproduce import official_data
from deltarule.language import count_of, message
from deltarule.recipes.checks import integer, one_of
from deltarule.training.folder import RunFolder


@dataclass(frozen=True)
class RecordChoice:
    """What was typed to say how a record is run, and where its results are written."""

    seeds: Annotated[
        int, option("--seeds", "Number of seeds, one result each.", metavar="NUMBER", show_default=True)
    ] = 1
    seed: Annotated[int, option("--seed", "First seed.", metavar="NUMBER", show_default=True)] = 0
    quick: Annotated[bool, option("--quick", "Train for a tenth of the epochs.")] = False
    validation: Annotated[
        bool,
        option(
            "--validation",
            "Train on 50,000 images and score the 10,000 held out, as the recipes were chosen, not the test set.",
        ),
    ] = False
    data_dir: DataFolder = None
    engine: Annotated[str, engine_option()] = ENGINE
    precision: Annotated[
        str | None,
        option(
            "--precision",
            f"Precision of the compiled engine (default: the record's, bfloat16): {', '.join(PRECISIONS)}.",
            metavar="NAME",
        ),
    ] = None
    output: Annotated[
        Path | None,
        option(
            "--output",
            "Folder for models and results: new, or of an interrupted run to continue "
            "(default: runs/records-NAME-1, -2, …).",
            metavar="FOLDER",
        ),
    ] = None
    as_json: Annotated[bool, json_option()] = False
    quiet: Annotated[bool, quiet_option()] = False


@with_groups
def records(
    name: Annotated[
        str | None,
        typer.Argument(
            help=f"Record to run (default: list all): {', '.join(RECORDS)}.", metavar="NAME", show_default=False
        ),
    ] = None,
    *,
    chosen: Annotated[RecordChoice, group_of(RecordChoice)],
) -> None:
    """List the records on MNIST and Fashion-MNIST, or run one and compare it with the published errors.

    A record is one recipe, or several for a committee, run with --seeds. The same command
    with --output FOLDER continues an interrupted run, and adds seeds to a finished one.

    Examples:

    \b
    deltarule records
    deltarule records fashion --quick
    deltarule records mnist --seeds 5 --data-dir my/mnist
    deltarule records mnist-committee --output runs/committee
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if name is None:
        _list(as_json=chosen.as_json)
        return
    found = record(name)
    integer("seeds", chosen.seeds, 1, "--seeds 5")
    if chosen.seed < 0:
        raise RecipeError("a seed of at least 0", f"{chosen.seed}", "--seed 0", field="seed")
    one_of("engine", chosen.engine, tuple(ENGINES))
    if chosen.precision is not None:
        one_of("precision", chosen.precision, PRECISIONS)
    messages = messages_of(chosen.quiet)
    data = official_data(found.dataset, chosen.data_dir, progress=not chosen.quiet)
    seeds = range(chosen.seed, chosen.seed + chosen.seeds)
    run = RecordRun(found, data, seeds, chosen.quick, chosen.validation, chosen.engine, precision=chosen.precision)
    folder = chosen.output if chosen.output is not None else RunFolder.next_of("runs", f"records-{found.name}").path
    result = _run(dataclasses.replace(run, folder=folder), folder, messages)
    print_tables(result.tables(), messages)
    messages.print()
    if chosen.as_json:
        print_json(result.to_json())
    say(message("Everything is in {folder}: {names}.", folder=folder, names="result.json, models/"), messages)


def _list(*, as_json: bool) -> None:
    if as_json:
        print_json({"records": [each.to_json() for each in RECORDS.values()]})
        return
    table = listing(RECORDS)
    print_table(plain_table(table))
    say(table.note, style="dim")


def _run(run: RecordRun, folder: Path, messages: Console) -> RecordResult:
    """Run a record; after a signal, save the network in training and say how to continue."""
    networks = len(run.seeds) * run.record.networks
    what = f"{count_of(networks, 'network')}, the images of {run.record.dataset}"
    say(f"{run.record.title}: {what}; engine {run.engine}, {run.precision_used}; in {folder}.", messages)
    with progress_bar(run.record.name, 1, messages) as bar, interrupts.unhurried(), interrupts.noted():
        result = run.run(bar.reached, interrupts.requested)
    if result is None:
        say(message("Interrupted; go on with the same command and --output {folder}.", folder=folder), console)
        interrupts.said()
        raise typer.Exit(interrupts.code)
    return result
