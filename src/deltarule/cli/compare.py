"""`deltarule compare`: train variants of a recipe over several seeds and test their differences for significance."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from deltarule.cli.data_options import DATA_OPTIONS, DataChoice
from deltarule.cli.interrupts import interrupts
from deltarule.cli.option_groups import (
    ENGINE,
    PRECISION,
    RESULT,
    Data,
    engine_option,
    group_of,
    json_option,
    option,
    precision_option,
    quiet_option,
    with_groups,
)
from deltarule.cli.preset_option import checked_preset, first_recipe, preset_option, with_preset
from deltarule.cli.recipe_options import RecipeChoice, recipe_options
from deltarule.cli.terminal import console, messages_of, print_json, progress_bar, say, table_of
from deltarule.cli.tracking import check_trackers, track_comparison, track_option, trackers_of
from deltarule.data import Dataset
from deltarule.errors import OutputError, RecipeError
from deltarule.language import count_of, message
from deltarule.recipes import Recipe
from deltarule.recipes.edit import option_of
from deltarule.studies.compare import Comparing, Comparison, Variant, varied
from deltarule.studies.compare.messages import seeds as text_of_seeds
from deltarule.studies.compare.pairs import against_of
from deltarule.studies.compare.seeds import USUAL
from deltarule.studies.compare.tables import tables
from deltarule.training.folder import RunFolder
from deltarule.writing import Failures

VARIED, WHERE = "Variants", "Execution"


@dataclass(frozen=True)
class ComparisonChoice:
    """What was typed to define a comparison."""

    vary: Annotated[
        list[str] | None,
        option(
            "--vary",
            "Field and its values, separated by commas, or by slashes where a value has commas; repeatable "
            "for all combinations. precision is a field too.",
            VARIED,
            "FIELD=VALUE,VALUE",
        ),
    ] = None
    seeds: Annotated[
        int | None,
        option(
            "--seeds",
            "Networks trained per variant (default: 10, or as many as the number of tests needs).",
            VARIED,
            "NUMBER",
        ),
    ] = None
    against: Annotated[
        list[str] | None,
        option(
            "--against",
            'Variant to test each other against, or "A vs B"; repeatable (default: all pairs).',
            VARIED,
            "VARIANT",
        ),
    ] = None
    seeds_vary: Annotated[
        str,
        option(
            "--seeds-vary",
            "What a seed varies: start (initial weights), order (batches) or split.",
            VARIED,
            "NAMES",
            show_default=True,
        ),
    ] = ",".join(USUAL)
    tune: Annotated[
        str | None,
        option("--tune", "Field to tune for each variant on the validation set: learning_rate.", VARIED, "FIELD"),
    ] = None
    budget: Annotated[
        str | None,
        option("--budget", "Time limit, for example 60s; worse variants get fewer seeds.", VARIED, "TIME"),
    ] = None
    target_score: Annotated[
        float | None,
        option("--target-score", "Validation score, for example 0.95, whose cost is reported.", RESULT, "SCORE"),
    ] = None
    scheduler: Annotated[
        str | None,
        option("--scheduler", "Address of a Dask scheduler, for example tcp://host:8786.", WHERE, "ADDRESS"),
    ] = None
    output: Annotated[
        Path | None,
        option(
            "--output",
            "Folder, new or of a comparison to continue (default: runs/compare-DATA-1, -2, …).",
            RESULT,
            "FOLDER",
        ),
    ] = None
    track: Annotated[
        list[str] | None,
        track_option("Record the curves of each variant, mean and band over the seeds, for another program"),
    ] = None
    record: Annotated[bool, option("--record-batches", "Record the loss of each batch.", RESULT)] = False
    keep_models: Annotated[bool, option("--keep-models", "Save the model of each network.", RESULT)] = False

    def comparing(self, variants: Sequence[Variant], data: Dataset, engine: str, precision: str) -> Comparing:
        """Return the comparison, before its first network is trained."""
        return Comparing(
            variants,
            data,
            self.seeds,
            against=against_of(self.against or (), variants),
            seeds_vary=[each.strip() for each in self.seeds_vary.split(",")],
            tune=self.tune,
            budget=self.budget,
            record="batch" if self.record else None,
            target_score=self.target_score,
            backend=self.scheduler,
            engine=engine,
            precision=precision,
        )


@with_groups
def compare(
    data: Data,
    chosen: Annotated[ComparisonChoice, group_of(ComparisonChoice)],
    as_json: Annotated[bool, json_option(RESULT)] = False,
    quiet: Annotated[bool, quiet_option(RESULT)] = False,
    *,
    preset_name: Annotated[str | None, preset_option()] = None,
    network: Annotated[RecipeChoice, recipe_options()],
    source: Annotated[DataChoice, DATA_OPTIONS],
    engine: Annotated[str, engine_option(RESULT)] = ENGINE,
    precision: Annotated[str, precision_option(RESULT)] = PRECISION,
) -> None:  # fmt: skip
    """Compare variants of a recipe over several seeds: differences, confidence intervals and significance.

    For each seed, all variants have the same initial weights and batches.
    Each trained network is evaluated on the test set once.
    A table gets the preset that train would take, unless --vary names a field of the network or of learning.
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
    messages = messages_of(quiet)
    if chosen.scheduler is not None and "://" not in chosen.scheduler:
        raise RecipeError("the address of a Dask scheduler", repr(chosen.scheduler), field="scheduler")
    check_trackers(chosen.track)
    named = checked_preset(preset_name, network)
    recipe = first_recipe(named, network)
    varied = chosen.vary or ()
    variants = _variants(recipe, varied)  # checked before data are read
    dataset = source.load(data, seed=recipe.seed, progress=not quiet)
    recipe, reason = with_preset(named, network, recipe, dataset, varied=[_field(text) for text in varied])
    if reason:
        variants = _variants(recipe, varied)
        say(reason, messages)
    under_way = chosen.comparing(variants, dataset, engine, precision)
    folder = chosen.output or RunFolder.next_of("runs", f"compare-{dataset.name or Path(data).name}").path
    under_way.keep_in(folder, models=chosen.keep_models)
    say(_what(recipe, under_way), messages)
    for note in under_way.notes:
        say(note, messages)
    trackers = trackers_of(chosen.track, Path(folder))
    _run_and_report(under_way, folder, messages, as_json=as_json)
    track_comparison(trackers, under_way.comparison)


def _variants(recipe: Recipe, vary: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants that `--vary` describes, at least two."""
    if not vary:
        raise RecipeError("something that varies", "none", field="vary")
    try:
        chosen = varied(recipe, vary)
    except RecipeError as error:
        raise _of_vary(error, vary) from None
    if len(chosen) < 2:
        raise RecipeError("at least two variants to compare", vary[0], field="vary")
    return chosen


def _of_vary(error: RecipeError, vary: Sequence[str]) -> RecipeError:
    """Return the error as one of `--vary`, where it is of a field that varies or of no field that a recipe has."""
    if error.field in (None, "precision"):
        return error.replace(field="vary")
    option = option_of(error.field)
    if option is None or option.name not in [_field(text) for text in vary]:
        return error
    return error.replace(field="vary", suggestion=f"{option.name}={option.hint(getattr(error, 'nearest', None))}")


def _field(text: str) -> str:
    """Return the name of the option for the field of `FIELD=VALUE,VALUE`, or of the field where it has none."""
    name = text.partition("=")[0].strip()
    option = option_of(name)
    return name if option is None else option.name


def _run_and_report(under_way: Comparing, folder: Path, messages: Console, *, as_json: bool) -> None:
    """Train and report; after a signal, say how to go on and exit with its code."""
    failures = Failures()
    with interrupts.unhurried():
        interrupted = _run(under_way, folder, messages, failures, as_json=as_json)
    if interrupted or interrupts.requested():
        say(message("Interrupted; go on with the same command and --output {folder}.", folder=folder), console)
        interrupts.said()
        failures.check()
        raise typer.Exit(interrupts.code)
    failures.check()


def _what(recipe: Recipe, comparing: Comparing) -> str:
    comparison = comparing.comparison
    variants, seeds = len(comparison.variants), len(comparison.seeds.numbers)
    networks = f"{variants * seeds} networks of at most {count_of(recipe.epochs, 'epoch')}"
    return f"{variants} variants, {text_of_seeds(seeds)}: {networks}."


def _run(under_way: Comparing, folder: Path, messages: Console, failures: Failures, *, as_json: bool) -> bool:
    """Train, write the report and print the findings, also after a signal; return whether there was one."""
    interrupted = False
    try:
        try:
            _train_all(under_way, messages)
        except OutputError as error:
            failures.keep(error)
        except KeyboardInterrupt:
            interrupted = True
        comparison = under_way.comparison
        paths = failures.attempt(comparison.write, folder)
        _print_report(comparison, messages)
        if paths is not None:
            names = ", ".join(path.name for path in paths)
            say(message("{s:.1f} s. In {folder}: {names}.", s=comparison.seconds, folder=folder, names=names), messages)
        if as_json:
            failures.attempt(print_json, comparison.to_json())
    except KeyboardInterrupt:
        return True
    return interrupted


def _train_all(under_way: Comparing, messages: Console) -> None:
    with progress_bar(message("Comparing"), 1, messages) as bar, closing(iter(under_way)) as each:
        for progress in each:
            note = f"{progress.stage}: {progress.done:,} of {progress.total:,} networks"
            bar.reached(progress.done, progress.total, note)
            if interrupts.requested():  # the exception of the signal was lost, for example in a destructor
                raise KeyboardInterrupt


def _print_report(comparison: Comparison, messages: Console) -> None:
    if comparison.networks:
        for table in tables(comparison):
            messages.print()
            messages.print(Text(table.title, style="bold"))
            numbers = [column for column in table.columns[1:] if column not in table.words]
            messages.print(table_of(table.columns, table.rows, numbers=numbers))
            if table.note:
                say(table.note, messages, style="dim")
    messages.print()
    for sentence in comparison.sentences:
        say(sentence, messages)
    messages.print()
