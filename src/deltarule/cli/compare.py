"""`deltarule compare`: train variants of a recipe over several seeds and test their differences for significance."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deltarule.cli import options
from deltarule.cli.interrupts import interrupts
from deltarule.cli.shared import shares
from deltarule.cli.terminal import console, print_json, progress_bar, say, table_of, words_of
from deltarule.cli.train import train
from deltarule.errors import OutputError, RecipeError
from deltarule.recipes import Recipe
from deltarule.studies.compare import Comparing, Comparison, messages, varied
from deltarule.studies.compare.pairs import against_of
from deltarule.studies.compare.seeds import USUAL
from deltarule.studies.compare.tables import tables
from deltarule.training.folder import RunFolder
from deltarule.writing import Failures

VARIED, WHERE, RESULT = "Variants", "Execution", "Output"

_RECIPE = {"number_of_epochs": "epochs"} | {name: name for name in options.OPTIONS if name != "epochs"}
"""The options of `train` that define its recipe, and their names in `options.OPTIONS`."""

_OTHERS = ("setting", "recipe_file", *options.DATA, "engine")


@shares(train, [*_RECIPE, *_OTHERS])
def compare(
    data: Annotated[
        str,
        typer.Argument(help=options.DATA_HELP, metavar="DATA"),
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", help="Field and its values; repeatable for all combinations.", metavar="FIELD=VALUE,VALUE",
            rich_help_panel=VARIED, show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", help="Networks trained per variant (default: 10, or as many as the number of tests needs).",
            metavar="NUMBER", rich_help_panel=VARIED, show_default=False,
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", help='Variant to test each other against, or "A vs B"; repeatable (default: all pairs).',
            metavar="VARIANT", rich_help_panel=VARIED, show_default=False,
        ),
    ] = None,
    seeds_vary: Annotated[
        str,
        typer.Option(
            "--seeds-vary", help="What a seed varies: start (initial weights), order (batches) or split.",
            metavar="NAMES", rich_help_panel=VARIED,
        ),
    ] = ",".join(USUAL),
    tune: Annotated[
        str | None,
        typer.Option(
            "--tune", help="Field to tune for each variant on the validation set: learning_rate.", metavar="FIELD",
            rich_help_panel=VARIED, show_default=False,
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", help="Time limit, for example 60s; worse variants get fewer seeds.", metavar="TIME",
            rich_help_panel=VARIED, show_default=False,
        ),
    ] = None,
    target_score: Annotated[
        float | None,
        typer.Option(
            "--target-score", help="Validation score, for example 0.95, whose cost is reported.", metavar="SCORE",
            rich_help_panel=RESULT, show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", help="Address of a Dask scheduler, for example tcp://host:8786.", metavar="ADDRESS",
            rich_help_panel=WHERE, show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "--out", metavar="FOLDER", rich_help_panel=RESULT, show_default=False,
            help="Folder, new or of a comparison to continue (default: runs/compare-DATA-1, -2, …).",
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record-batches", help="Record the loss of each batch.", rich_help_panel=RESULT)
    ] = False,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Save the model of each network.", rich_help_panel=RESULT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=RESULT)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Suppress messages and progress.", rich_help_panel=RESULT)
    ] = False,
    **shared: Any,
) -> None:  # fmt: skip
    """Compare variants of a recipe over several seeds: differences, confidence intervals and significance.

    For each seed, all variants have the same initial weights and batches.
    Each trained network is evaluated on the test set once.
    The folder contains report.html, result.json and tables, also after Ctrl-C.
    The same command with --output FOLDER continues an interrupted comparison.

    Examples:

    \b
    deltarule compare digits --vary optimizer=sgd,momentum,adam
    deltarule compare digits --vary optimizer=sgd,adam --vary l2=0,1e-4 --seeds 20
    deltarule compare digits --vary optimizer=sgd,momentum,adam --against sgd
    deltarule compare moons --vary hidden=none,5x2,30 --epochs 50
    deltarule compare digits --vary optimizer=sgd,adam --tune learning_rate --budget 60s
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    words = words_of(quiet)
    if scheduler is not None and "://" not in scheduler:
        raise RecipeError("the address of a Dask scheduler", repr(scheduler), "--scheduler tcp://host:8786")
    if not vary:
        raise RecipeError("something that varies", "no --vary", "--vary optimizer=sgd,momentum,adam")
    typed = {name: shared[option] for option, name in _RECIPE.items()}
    recipe = options.recipe_of(typed, shared["setting"] or (), shared["recipe_file"])
    chosen = varied(recipe, vary)
    if len(chosen) < 2:
        raise RecipeError("at least two variants to compare", f"--vary {vary[0]}", "--vary optimizer=sgd,momentum,adam")
    dataset = options.load(data, **options.source_of(shared), seed=recipe.seed, progress=not quiet)
    engine = {} if shared["engine"] is None else {"engine": shared["engine"]}
    under_way = Comparing(
        chosen,
        dataset,
        seeds,
        against=against_of(against or (), chosen),
        seeds_vary=[each.strip() for each in seeds_vary.split(",")],
        tune=tune,
        budget=budget,
        record="batch" if record else None,
        target_score=target_score,
        backend=scheduler,
        **engine,
    )
    folder = output or RunFolder.next_of("runs", f"compare-{dataset.name or Path(data).name}").path
    under_way.keep_in(folder, models=keep_models)
    say(_what(recipe, under_way), words)
    for note in under_way.notes:
        say(note, words)
    failures = Failures()
    with interrupts.unhurried():
        interrupted = _run(under_way, folder, words, failures, as_json=as_json)
    if interrupted or interrupts.requested():
        say(f"Interrupted; go on with the same command and --output {folder}.", console)
        interrupts.said()
        failures.check()
        raise typer.Exit(interrupts.code)
    failures.check()


def _what(recipe: Recipe, comparing: Comparing) -> str:
    comparison = comparing.comparison
    variants, seeds = len(comparison.variants), len(comparison.seeds.numbers)
    networks = f"{variants * seeds} networks of at most {recipe.epochs} epochs"
    return f"{variants} variants, {messages.seeds(seeds)}: {networks}."


def _run(under_way: Comparing, folder: Path, words: Console, failures: Failures, *, as_json: bool) -> bool:
    """Train, write the report and print the findings, also after a signal; return whether there was one."""
    interrupted = False
    try:
        try:
            _to_its_end(under_way, words)
        except OutputError as error:
            failures.keep(error)
        except KeyboardInterrupt:
            interrupted = True
        comparison = under_way.comparison
        paths = failures.attempt(comparison.write, folder)
        _tell(comparison, words)
        if paths is not None:
            say(f"{comparison.seconds:.1f} s. In {folder}: {', '.join(path.name for path in paths)}.", words)
        if as_json:
            failures.attempt(print_json, comparison.to_json())
    except KeyboardInterrupt:
        return True
    return interrupted


def _to_its_end(under_way: Comparing, words: Console) -> None:
    with progress_bar("Comparing", 1, words) as bar, closing(iter(under_way)) as each:
        for progress in each:
            note = f"{progress.stage}: {progress.done:,} of {progress.total:,} networks"
            bar.reached(progress.done, progress.total, note)
            if interrupts.requested():  # the exception of the signal was lost, for example in a destructor
                raise KeyboardInterrupt


def _tell(comparison: Comparison, words: Console) -> None:
    if comparison.networks:
        for table in tables(comparison):
            words.print()
            words.print(Text(table.title, style="bold"))
            numbers = [column for column in table.columns[1:] if column not in table.words]
            words.print(table_of(table.columns, table.rows, numbers=numbers))
            if table.note:
                say(table.note, words, style="dim")
    words.print()
    for sentence in comparison.sentences:
        say(sentence, words)
    words.print()
