"""The option `--track`: trackers of a run in the shell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltarule.cli.option_groups import RESULT, option
from deltarule.cli.terminal import console, say
from deltarule.errors import DeltaruleError, UnknownName, nearest
from deltarule.recipes import Recipe
from deltarule.tracking import MLflow, TensorBoard, Tracker, WandB, seed_bands
from deltarule.training import Epoch
from deltarule.training.folder import RunFolder

if TYPE_CHECKING:
    from deltarule.studies.compare import Comparison

TRACKERS = ("tensorboard", "mlflow", "wandb")


def track_option(records: str, default: str = "none") -> Any:
    """Return the declaration of `--track`, whose help says what is recorded, and what without the option."""
    text = f"{records}: tensorboard, mlflow:URI or wandb (offline); repeatable (default: {default})."
    return option("--track", text, RESULT, "TRACKER")


def trackers_of(given: Sequence[str] | None, folder: Path) -> list[Tracker]:
    """Return the trackers that were typed, which write to a run's folder where they write files."""
    # A server may not answer: it is asked before files are written.
    return [_tracker(text, folder) for text in sorted(given or (), key=lambda each: ":" not in each)]


def check_trackers(given: Sequence[str] | None) -> None:
    """Raise UnknownName for what is no tracker, before anything is computed."""
    for text in given or ():
        name, _, uri = text.partition(":")
        if name.lower() not in TRACKERS:
            near = nearest(name.lower(), TRACKERS)
            raise UnknownName("tensorboard, mlflow:URI or wandb", repr(text), field="track", nearest=near)
        if name.lower() == "mlflow" and not uri:
            expected, instead = "the address of an MLflow server or store", "mlflow:http://localhost:5000"
            raise UnknownName(f"{expected} after mlflow:", repr(text), field="track", nearest=instead)


def _tracker(text: str, folder: Path) -> Tracker:
    name, _, uri = text.partition(":")
    made: dict[str, Callable[[], Tracker]] = {
        "tensorboard": lambda: TensorBoard(folder),
        "mlflow": lambda: MLflow(uri, name=folder.name),
        "wandb": lambda: WandB(folder),
    }
    return made[name.lower()]()


def track_comparison(trackers: Sequence[Tracker], comparison: Comparison) -> None:
    """Record the mean and the band over the seeds of each variant."""
    curves = {
        variant.name: [each.curves for each in comparison.of(variant.name).values()] for variant in comparison.variants
    }
    bands = seed_bands(curves)
    for tracker in trackers:
        tracker.bands(bands)
        tracker.close()


def tracked_folder(folder: RunFolder, given: Sequence[str] | None) -> RunFolder:
    """Return the folder of a run, whose epochs are recorded by the trackers that were typed, if any."""
    return TrackedFolder(folder.path, trackers_of(given, folder.path)) if given else folder


class TrackedFolder(RunFolder):
    """The folder of a run whose epochs are recorded by trackers, too.

    A tracker that fails is left out from then on, with a message: training continues.
    """

    def __init__(self, path: Path, trackers: Sequence[Tracker]) -> None:
        super().__init__(path)
        self._trackers = list(trackers)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write `recipe.json`, and record the recipe."""
        super().write_recipe(recipe)
        self._each(lambda tracker: tracker.parameters(recipe))

    def append(self, epoch: Epoch) -> None:
        """Append an epoch to `history.jsonl`, and record it."""
        super().append(epoch)
        self._each(lambda tracker: tracker(epoch))

    def finish_history(self) -> None:
        """Write the remaining epochs, and end the records."""
        self._each(lambda tracker: tracker.close())
        super().finish_history()

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except (DeltaruleError, OSError) as error:
                self._trackers.remove(tracker)
                say(f"{type(tracker).__name__} records no more: {error}", console, style="red")
