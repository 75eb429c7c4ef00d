"""A run under way in the shell: its bar, its history as it grows, and what is kept however it ends."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from rich.console import Console

from deltarule.cli.pictures import draw_curves, draw_samples
from deltarule.cli.terminal import progress_bar, say
from deltarule.data import Dataset, Part, Table
from deltarule.errors import Diverged
from deltarule.training import Epoch, Run, Training
from deltarule.training.folder import CURVES, SAMPLES, RunFolder


@dataclass(frozen=True)
class Ended:
    """A run that has ended: by itself, by Ctrl-C (its status says so), or because it diverged."""

    run: Run
    diverged: Diverged | None = None


def run_to_its_end(training: Training, dataset: Dataset, folder: RunFolder, words: Console) -> Ended:
    """Train, writing each epoch as it ends; then write the model and the pictures, whatever ended it."""
    folder.write_recipe(training.recipe)
    recipe = training.recipe
    say(_what(dataset, training), words)
    written, diverged = 0, None
    classes = recipe.task == "classification"
    try:
        with progress_bar("Training", recipe.epochs, words) as bar:
            for epoch in training.ahead():
                folder.append(epoch)
                written += 1
                bar.advance(note=_note(epoch, classes=classes))
    except KeyboardInterrupt:
        pass  # the run's status says so, and the command ends with its own sentence
    except Diverged as error:
        diverged = error
    run = training.run
    # After Ctrl-C the best epoch may be one that was not delivered any more.
    run = dataclasses.replace(run, best_epoch=min(run.best_epoch, len(run.history)))
    for epoch in run.history[written:]:
        folder.append(epoch)
    if not run.history:
        folder.write_history(run)
    folder.write_model(run.model)
    history = [epoch.to_json() for epoch in run.history]
    title = f"{dataset.name or 'Training'}: {'-'.join(map(str, run.model.sizes))}"
    draw_curves(folder.path / CURVES, history, best_epoch=run.best_epoch, classes=classes, title=title)
    name, part = _last_part(dataset)
    draw_samples(folder.path / SAMPLES, run.model, part, name)
    return Ended(run, diverged)


def _what(dataset: Dataset, training: Training) -> str:
    """What is about to be done, in a line."""
    model = training.model
    what = "numbers" if model.classes is None else f"{len(model.classes)} classes"
    held = 0 if dataset.validation is None else len(dataset.validation)
    parts = f"{len(dataset.train):,} samples to learn from"
    parts += f", {held:,} to validate with" if held else ", none to validate with"
    said = f"{dataset.name or 'Data'}: {parts}; a network {'-'.join(map(str, model.sizes))} for {what}."
    return said + _left_out(dataset)


def _left_out(dataset: Dataset) -> str:
    """Which columns of a table are no inputs, and why."""
    x = dataset.train.x
    unusable = [column for column in x if not column.usable] if isinstance(x, Table) else []
    if not unusable:
        return ""
    shown = ", ".join(f"{column.name} ({column.kind})" for column in unusable[:10])
    return f" Left out: {shown}{', …' if len(unusable) > 10 else ''}."


def _note(epoch: Epoch, *, classes: bool) -> str:
    """An epoch beside the bar."""
    held = epoch.validation_loss == epoch.validation_loss
    name, loss, score = (
        ("validation", epoch.validation_loss, epoch.validation_score)
        if held
        else ("training", epoch.train_loss, epoch.train_score)
    )
    shown = f"accuracy {100 * score:.1f} %" if classes else f"R² {score:.3f}"
    return f"epoch {epoch.number}: {name} loss {loss:.4f}, {shown}"


def _last_part(dataset: Dataset) -> tuple[str, Part]:
    """The part to be shown: the test part, or what comes nearest to it."""
    if dataset.test is not None:
        return "Test", dataset.test
    return ("Training", dataset.train) if dataset.validation is None else ("Validation", dataset.validation)
