"""The result of training: the run."""

from __future__ import annotations

import dataclasses
import importlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.errors import DataError
from deltarule.figures.curves import learning_curves
from deltarule.figures.displays import Picture
from deltarule.figures.style import plain
from deltarule.language import count_of
from deltarule.markup import card, curves, details, table
from deltarule.models import Model
from deltarule.models.card import ModelCard
from deltarule.recipes import Recipe
from deltarule.training.epoch import Epoch, History
from deltarule.training.evaluating import Evaluation, evaluate
from deltarule.training.metrics import as_data, as_text
from deltarule.types import Floats

_DIAGNOSE, _RECORD = "deltarule.studies.diagnose", "deltarule.studies.model_record"
"""The package of studies is above this one: `Run.diagnose` and `Run.card` load it by name when they are called."""


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A training run that has ended.

    history : the sequence of epochs.
    model : the trained network: the best epoch's where early stopping restores it, otherwise the last.
    recipe : the recipe, its "auto" fields resolved.
    seconds : duration of training.
    status : "finished", "stopped" (early), "interrupted", or "diverged".
    best_epoch : the number of the epoch whose weights the model has.
    batch_losses : (steps,), where they were recorded.
    data : the data set, with the validation set that was split off for early stopping; None after pickling, which
        leaves it out.
    """

    history: History
    model: Model
    recipe: Recipe
    seconds: float
    status: str
    best_epoch: int
    batch_losses: Floats
    data: Dataset | None = None

    def evaluate(self, data: Dataset | Part | None = None) -> Evaluations:
        """Return the model's metrics on each set of the run's data, or of other data, by name.

        data : a `Dataset`; or a `Part`, whose name is then "data".

        >>> import deltarule as dr
        >>> run = dr.train(dr.Recipe(epochs=20), dr.load_dataset("iris"))
        >>> list(run.evaluate()), run.evaluate()["test"].samples
        (['train', 'validation', 'test'], 15)
        """
        sets = {"data": data} if isinstance(data, Part) else self._data(data).parts
        return Evaluations({name: evaluate(self.model, part) for name, part in sets.items()})

    def calibrated(self) -> Model:
        """Return the model calibrated on the run's validation set; see `Model.calibrated`.

        Where the validation set has chosen the epoch, it is slightly easier for the model than new samples are.
        """
        part = self._data(None).validation
        if part is None:
            raise DataError("a validation set", "a run without one", "run.model.calibrated(x, y)")
        return self.model.calibrated(part.x, part.y)

    def plot(self) -> Picture:
        """Draw the loss and the score of each epoch: a picture with `.figure_` and `.axes_`, which a notebook shows.

        >>> import deltarule as dr
        >>> run = dr.train(dr.Recipe(epochs=3), dr.load_dataset("iris"))
        >>> [axes.get_ylabel() for axes in run.plot().axes_]
        ['Loss (mean over samples)', 'Accuracy (%)']
        """
        history = [epoch.to_json() for epoch in self.history]
        score = "R² (1 is perfect, 0 is the mean's)" if not self.model.labelled else "Accuracy"
        title = plain(self._title, 100)
        return Picture(learning_curves(history, best_epoch=self.best_epoch, score=score, title=title))

    def diagnose(self, data: Dataset | None = None, **further: Any) -> Any:
        """Return the `Diagnosis` of the run: what is wrong, how it is known, and what may help.

        data : other data than the run's. further : `reference_error`, `short`, `try_remedies`, as for `dr.diagnose`.

        >>> import deltarule as dr
        >>> run = dr.train(dr.Recipe(epochs=20), dr.load_dataset("iris"))
        >>> "training error" in str(run.diagnose(short=True))
        True
        """
        return importlib.import_module(_DIAGNOSE).diagnose(self, self._data(data), **further)

    def card(self, data: Dataset | None = None) -> ModelCard:
        """Return the model's card, with scores on each set of the run's data, or of other data, and the diagnosis.

        >>> import deltarule as dr
        >>> run = dr.train(dr.Recipe(epochs=20), dr.load_dataset("iris"))
        >>> [row[0] for row in run.card().scores.rows]
        ['Training', 'Validation', 'Test']
        """
        return self._documented(data).card()

    def save(self, path: str | os.PathLike[str], data: Dataset | None = None) -> Path:
        """Write the model with what its card says: scores on each set of the data with intervals, and the diagnosis.

        `run.model.save(path)` writes the same without measuring them.
        """
        return self._documented(data).save(path)

    def _documented(self, data: Dataset | None) -> Model:
        """Return the model with its scores and the diagnosis in its record."""
        record = importlib.import_module(_RECORD).record_of(self, self._data(data))
        return dataclasses.replace(self.model, record=record)

    def __repr__(self) -> str:
        if not self.history:
            return f"Run({self.status}, 0 epochs)"
        name, score = _shown(self.history[max(self.best_epoch, 1) - 1])
        done = count_of(len(self.history), "epoch")
        return f"Run({self.status}, {done}, {name} score {score:.4f}, {self.seconds:.2f} s)"

    def _repr_html_(self) -> str:
        """Return the metrics, the curves and the recipe, for a notebook."""
        classes = self.model.labelled
        rows = [("Status", self._status), ("Network", repr(self.model))]
        if self.history:
            best = self.history[max(self.best_epoch, 1) - 1]
            rows.append(("Training", _metrics(best.train_loss, best.train_score, classes=classes)))
            if math.isfinite(best.validation_score):
                rows.append(("Validation", _metrics(best.validation_loss, best.validation_score, classes=classes)))
            rows += self._baseline()
        losses = {
            "training loss": [epoch.train_loss for epoch in self.history],
            "validation loss": [epoch.validation_loss for epoch in self.history],
        }
        scores = {
            f"training {'accuracy' if classes else 'R²'}": [epoch.train_score for epoch in self.history],
            f"validation {'accuracy' if classes else 'R²'}": [epoch.validation_score for epoch in self.history],
        }
        pictures = curves(losses, mark=self.best_epoch) + curves(scores, mark=self.best_epoch)
        return card("Run", self._title, rows, pictures, details("Recipe", self.recipe.to_json()))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"data": None}

    def _data(self, other: Dataset | None) -> Dataset:
        data = self.data if other is None else other
        if data is None:
            raise DataError("the data set, which a pickled run does not contain", None, "run.evaluate(data)")
        return data

    @property
    def _title(self) -> str:
        name = self.data.name if self.data is not None else ""
        return f"{name or 'Training'}: {'-'.join(map(str, self.model.sizes))}"

    @property
    def _status(self) -> str:
        done = len(self.history)
        of = f"; the model is that of epoch {self.best_epoch}" if 0 < self.best_epoch < done else ""
        return f"{self.status} after {count_of(done, 'epoch')} in {self.seconds:.3g} s{of}"

    def _baseline(self) -> list[tuple[str, str]]:
        """Return a row with the accuracy of the most frequent class on the validation set, or else the training set."""
        if self.data is None or self.model.classes is None:
            return []
        part = self.data.train if self.data.validation is None else self.data.validation
        labels, counts = np.unique(self.data.train.y, return_counts=True)
        label = labels[np.argmax(counts)]
        accuracy = f"accuracy {100 * np.mean(part.y == label):.2f} %"
        return [("Baseline", f"{accuracy}, always predicting {self.model.name_of(label)}")]


class Evaluations(dict[str, Evaluation]):
    """The metrics of a model on several sets, by name, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        columns: dict[str, None] = {}
        rows = []
        for name, each in self.items():
            found = {key: value for key, value in as_data(each.metrics).items() if key != "classes"}
            found |= as_data(dict(each.named))
            columns |= dict.fromkeys(found)
            values = ("–" if value is None else f"{value:.4g}" for value in found.values())
            rows.append((name, f"{each.samples:,}", f"{each.loss:.4g}", *values))
        heads = ("set", "samples", "loss", *(name.replace("_", " ") for name in columns))
        return card("Evaluation", "", [], table(heads, rows))


def _metrics(loss: float, score: float, *, classes: bool) -> str:
    shown = f"accuracy {100 * score:.2f} %" if classes else f"R² {score:.4f}"
    return f"{shown}, loss {as_text(loss)}"


def _shown(epoch: Epoch) -> tuple[str, float]:
    """Return the name and the score of the validation set, or of the training set where there is none."""
    if math.isnan(epoch.validation_score):
        return "train", epoch.train_score
    return "validation", epoch.validation_score
