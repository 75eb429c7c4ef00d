"""A training run in the shell: its progress bar, its history, and what is saved however it ends."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import typer
from rich.console import Console

from deltarule.cli.interrupts import interrupts
from deltarule.cli.pictures import draw_curves, draw_predictions
from deltarule.cli.report import Report
from deltarule.cli.terminal import console, print_json, progress_bar, say
from deltarule.data import Dataset, Part
from deltarule.errors import CheckpointWarning, DeltaruleError
from deltarule.studies.model_record import record_of
from deltarule.training import Epoch, Run, Training
from deltarule.training.checkpoints import NEWEST, Checkpoints
from deltarule.training.folder import CURVES, MODEL, RunFolder
from deltarule.training.metrics import as_text
from deltarule.writing import Failures


@dataclass(frozen=True)
class Ended:
    """A run that has ended: normally, by a signal (see its status), or by an error.

    error : the error that ended it; None otherwise.
    failures : errors in writing its files.
    """

    run: Run
    error: DeltaruleError | MemoryError | None
    failures: Failures


def train_and_report(
    training: Training,
    dataset: Dataset,
    folder: RunFolder,
    words: Console,
    reference_error: float | None,
    *,
    metrics_only: bool,
    as_json: bool,
) -> None:
    """Train, save and report; a signal at any moment after the first epoch leaves the model and says where it is."""
    try:
        ended = run_to_its_end(training, dataset, folder, words)
        finish(ended, dataset, folder, words, reference_error, metrics_only=metrics_only, as_json=as_json)
    except KeyboardInterrupt:
        say(f"Interrupted{_kept(folder)}.{_continued(folder)}", console)
        interrupts.said()
        raise typer.Exit(interrupts.code) from None


def _continued(folder: RunFolder) -> str:
    """Return how to continue a run, if it can be."""
    return f" To continue: the command with --resume {folder.path}" if (folder.path / NEWEST).is_file() else ""


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print warnings about checkpoints as notes, when they occur."""

    def shown(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, CheckpointWarning):
            say(f"Note: {message}", console)
        else:
            plain(message, category, *place, **more)

    with warnings.catch_warnings():
        plain, warnings.showwarning = warnings.showwarning, shown
        warnings.simplefilter("always", CheckpointWarning)
        yield


def _kept(folder: RunFolder) -> str:
    return f"; the model so far is in {folder.path}" if (folder.path / MODEL).is_file() else ""


def run_to_its_end(training: Training, dataset: Dataset, folder: RunFolder, words: Console) -> Ended:
    """Train and write each epoch as it ends; then write the model and the rest of the history however the run ended."""
    folder.write_recipe(training.recipe)
    recipe = training.recipe
    say(_what(dataset, training), words)
    written, ended_by = training.delivered, None
    folder.start_history(training.history[:written])
    if len(training.history):
        say(f"Continues after {len(training.history)} of at most {recipe.epochs} epochs.", words)
    classes = recipe.task != "regression"
    failures = Failures()
    with ExitStack() as signals:
        signals.enter_context(interrupts.noted())
        signals.enter_context(_warnings_as_notes())
        try:
            with progress_bar("Training", recipe.epochs, words) as bar:
                for epoch in training.ahead(interrupted=interrupts.requested):
                    if not written:
                        signals.enter_context(interrupts.essential())
                    folder.append(epoch)
                    written += 1
                    bar.advance(note=_note(epoch, classes=classes))
        except KeyboardInterrupt:
            pass  # in a process without signal handlers; the run's status records it
        except (DeltaruleError, MemoryError) as error:
            ended_by = error
        signals.enter_context(interrupts.essential())
        run = training.run
        # After Ctrl-C the best epoch may be one that was not delivered.
        run = dataclasses.replace(run, best_epoch=min(run.best_epoch, len(run.history)))
        written_model = failures.attempt(folder.write_model, run.model)
        if written_model is not None and run.status != "interrupted":
            Checkpoints(folder.path).discard()
        for epoch in run.history[written:]:
            folder.append(epoch)
        failures.attempt(folder.finish_history)
    return Ended(run, ended_by, failures)


def finish(
    ended: Ended,
    dataset: Dataset,
    folder: RunFolder,
    words: Console,
    reference_error: float | None,
    *,
    metrics_only: bool,
    as_json: bool,
) -> None:
    """Report a run's metrics and draw its pictures; then raise the error that ended it or that occurred in writing."""
    kept = _kept(folder)
    interrupted = (ended.error is None and ended.run.status == "interrupted") or interrupts.requested()
    if interrupted:
        where = f" in epoch {len(ended.run.history) + 1}" if ended.run.status == "interrupted" else ""
        say(f"Interrupted{where}{kept}.{_continued(folder)}", console)
        interrupts.said()
    report = Report.of(ended.run, dataset, str(folder.path), reference_error, metrics_only=metrics_only)
    report.tell(words)
    if as_json:
        ended.failures.attempt(print_json, report.to_json())
    if not interrupted and ended.error is None:
        record = record_of(
            ended.run, dataset, report.evaluations, report.diagnosis, diagnosed=report.diagnosis is not None
        )
        ended.failures.attempt(folder.write_model, dataclasses.replace(ended.run.model, record=record))
    pictures = [] if metrics_only else _draw(ended, dataset, folder)
    if ended.error is not None and kept:
        say(f"The earlier model is in {folder.path}.", console)
    if ended.error is not None or interrupted:
        try:
            ended.failures.check()
        except OSError as error:
            say(" ".join(str(error).split()), console, style="red")
        if ended.error is not None:
            raise ended.error
        raise typer.Exit(interrupts.code)
    ended.failures.check()
    say(f"Everything is in {folder.path}: {', '.join(['recipe, history, model', *pictures])}.", words)


def _draw(ended: Ended, dataset: Dataset, folder: RunFolder) -> list[str]:
    """Draw a run's pictures; return the names of those that could be written."""
    run = ended.run
    history = [epoch.to_json() for epoch in run.history]
    title = f"{dataset.name or 'Training'}: {'-'.join(map(str, run.model.sizes))}"
    classes = run.model.labelled
    curves = partial(draw_curves, best_epoch=run.best_epoch, classes=classes, title=title)
    ended.failures.attempt(curves, folder.path / CURVES, history)
    name, part = _last_part(dataset)
    drawn = ended.failures.attempt(draw_predictions, folder.path, run.model, part, name)
    return [CURVES] if drawn is None else [CURVES, drawn.name]


def _what(dataset: Dataset, training: Training) -> str:
    """Return a line that describes the data and the network."""
    model = training.model
    task = str(training.recipe.task)
    what = f"{task} with {len(model.classes)} classes" if model.classes is not None else task
    if not model.single:
        outputs = model.shape.outputs
        what = f"{outputs} labels a sample" if model.multilabel else f"{what} of {outputs} targets"
    held = 0 if dataset.validation is None else len(dataset.validation)
    sizes = f"{len(dataset.train):,} training samples, {f'{held:,}' if held else 'no'} validation samples"
    return f"{dataset.name or 'Data'}: {sizes}; a network {'-'.join(map(str, model.sizes))}, {what}."


def _note(epoch: Epoch, *, classes: bool) -> str:
    """Return the text for an epoch beside the progress bar."""
    held = epoch.validation_loss == epoch.validation_loss
    name, loss, score = (
        ("validation", epoch.validation_loss, epoch.validation_score)
        if held
        else ("training", epoch.train_loss, epoch.train_score)
    )
    shown = f"accuracy {100 * score:.1f} %" if classes else f"R² {score:.3f}"
    further = "".join(f", {metric} {as_text(value)}" for metric, value in epoch.metrics.items())
    return f"epoch {epoch.number}: {name} loss {as_text(loss)}, {shown}{further}"


def _last_part(dataset: Dataset) -> tuple[str, Part]:
    """Return the set to draw: the test set, or else the validation or training set."""
    if dataset.test is not None:
        return "Test", dataset.test
    return ("Training", dataset.train) if dataset.validation is None else ("Validation", dataset.validation)
