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
from deltarule.cli.terminal import console, error_message, print_json, progress_bar, say
from deltarule.data import Dataset, Part
from deltarule.errors import CheckpointWarning, DeltaruleError
from deltarule.language import message
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
    messages: Console,
    reference_error: float | None,
    *,
    metrics_only: bool,
    as_json: bool,
) -> None:
    """Train, save and report; a signal at any moment after the first epoch leaves the model and says where it is."""
    try:
        ended = run_to_its_end(training, dataset, folder, messages)
        finish(ended, dataset, folder, messages, reference_error, metrics_only=metrics_only, as_json=as_json)
    except KeyboardInterrupt:
        say(_interrupted(folder), console)
        interrupts.said()
        raise typer.Exit(interrupts.code) from None


def _interrupted(folder: RunFolder, epoch: int | None = None) -> str:
    """Return that a run was interrupted, where its model is, and how to continue it, if it can be."""
    said = message("Interrupted") if epoch is None else message("Interrupted in epoch {epoch}", epoch=epoch)
    if (folder.path / MODEL).is_file():
        said += message("; the model so far is in {folder}", folder=folder.path)
    resumes = (folder.path / NEWEST).is_file()
    further = message(" To continue: the command with --resume {folder}", folder=folder.path) if resumes else ""
    return said + message(".") + further


def _as_note(warning: Warning | str) -> str:
    return message("Note: {note}", note=warning)


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print warnings about checkpoints as notes, when they occur."""

    def shown(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, CheckpointWarning):
            say(_as_note(message), console)
        else:
            plain(message, category, *place, **more)

    with warnings.catch_warnings():
        plain, warnings.showwarning = warnings.showwarning, shown
        warnings.simplefilter("always", CheckpointWarning)
        yield


def run_to_its_end(training: Training, dataset: Dataset, folder: RunFolder, messages: Console) -> Ended:
    """Train and write each epoch as it ends; then write the model and the rest of the history however the run ended."""
    folder.write_recipe(training.recipe)
    recipe = training.recipe
    say(_what(dataset, training), messages)
    written, ended_by = training.delivered, None
    folder.start_history(training.history[:written])
    if len(training.history):
        done = len(training.history)
        say(message("Continues after {done} of at most {epochs} epochs.", done=done, epochs=recipe.epochs), messages)
    classes = recipe.task != "regression"
    failures = Failures()
    with ExitStack() as signals:
        signals.enter_context(interrupts.noted())
        signals.enter_context(_warnings_as_notes())
        try:
            with progress_bar(message("Training"), recipe.epochs, messages) as bar:
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
    messages: Console,
    reference_error: float | None,
    *,
    metrics_only: bool,
    as_json: bool,
) -> None:
    """Report a run's metrics and draw its pictures; then raise the error that ended it or that occurred in writing."""
    interrupted = (ended.error is None and ended.run.status == "interrupted") or interrupts.requested()
    if interrupted:
        epoch = len(ended.run.history) + 1 if ended.run.status == "interrupted" else None
        say(_interrupted(folder, epoch), console)
        interrupts.said()
    report = Report.of(ended.run, dataset, str(folder.path), reference_error, metrics_only=metrics_only)
    report.print_to(messages)
    if as_json:
        ended.failures.attempt(print_json, report.to_json())
    if not interrupted and ended.error is None:
        record = record_of(
            ended.run, dataset, report.evaluations, report.diagnosis, diagnosed=report.diagnosis is not None
        )
        ended.failures.attempt(folder.write_model, dataclasses.replace(ended.run.model, record=record))
    pictures = [] if metrics_only else _draw(ended, dataset, folder)
    if ended.error is not None and (folder.path / MODEL).is_file():
        say(message("The earlier model is in {folder}.", folder=folder.path), console)
    if ended.error is not None or interrupted:
        try:
            ended.failures.check()
        except OSError as error:
            said = error_message(error) if isinstance(error, DeltaruleError) else str(error)
            say(" ".join(said.split()), console, style="red")
        if ended.error is not None:
            raise ended.error
        raise typer.Exit(interrupts.code)
    ended.failures.check()
    names = ", ".join([message("recipe, history, model"), *pictures])
    say(message("Everything is in {folder}: {names}.", folder=folder.path, names=names), messages)


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
    what = message(str(training.recipe.task))
    if model.classes is not None:
        what = message("{task} with {n} classes", task=what, n=len(model.classes))
    if not model.single:
        several = "{n} labels a sample" if model.multilabel else "{task} of {n} targets"
        what = message(several, task=what, n=model.shape.outputs)
    held = 0 if dataset.validation is None else len(dataset.validation)
    return message(
        "{name}: {train:,} training samples, {held} validation samples; a network {sizes}, {what}.",
        name=dataset.name or message("Data"),
        train=len(dataset.train),
        held=f"{held:,}" if held else message("no"),
        sizes="-".join(map(str, model.sizes)),
        what=what,
    )


def _note(epoch: Epoch, *, classes: bool) -> str:
    """Return the text for an epoch beside the progress bar."""
    held = epoch.validation_loss == epoch.validation_loss
    name, loss, score = (
        ("validation", epoch.validation_loss, epoch.validation_score)
        if held
        else ("training", epoch.train_loss, epoch.train_score)
    )
    shown = message("accuracy {score:.1f} %", score=100 * score) if classes else f"R² {score:.3f}"
    further = "".join(f", {metric} {as_text(value)}" for metric, value in epoch.metrics.items())
    said = message("epoch {n}: {name} loss {loss}", n=epoch.number, name=message(name), loss=as_text(loss))
    return f"{said}, {shown}{further}"


def _last_part(dataset: Dataset) -> tuple[str, Part]:
    """Return the set to draw: the test set, or else the validation or training set."""
    if dataset.test is not None:
        return "Test", dataset.test
    return ("Training", dataset.train) if dataset.validation is None else ("Validation", dataset.validation)
