"""The pictures in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Part, Table
from deltarule.models import Model
from deltarule.types import Positions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_curves(
    path: Path, history: Sequence[Mapping[str, float | None]], *, best_epoch: int, classes: bool, title: str
) -> None:
    """Write the picture of the loss and the score of every epoch."""
    from deltarule.figures import style
    from deltarule.figures.curves import learning_curves

    score = "Accuracy" if classes else "R² (1 is perfect, 0 is the mean's)"
    style.save(learning_curves(history, best_epoch=best_epoch, score=score, title=style.plain(title, 100)), path)


def draw_samples(path: Path, model: Model, part: Part, part_name: str) -> None:
    """Write the picture of a model's predictions for samples."""
    from deltarule.figures import style

    style.save(samples_picture(model, part, part_name), path)


def samples_picture(model: Model, part: Part, part_name: str) -> Figure:
    """Return images, a map of the plane, a confusion matrix, or predicted against true values, as suits the data."""
    from deltarule.figures import samples
    from deltarule.figures.style import plain

    predicted = model.predict(part.x, strict=None)
    if model.multilabel:
        predicted = model.predict_proba(part.x, strict=None)
    if model.classes is None:
        columns = (len(part), -1)
        title = f"{part_name} part, {len(part):,} samples"
        return samples.predicted_against_true(part.y.reshape(columns), predicted.reshape(columns), title=title)
    wrong = predicted != part.y
    title = f"{part_name} part: {int(wrong.sum()):,} of {len(part):,} wrong"
    names = [plain(model.name_of(label)) for label in model.classes.tolist()]
    if part.x.ndim > 2:
        rows = samples.chosen_samples(wrong)
        chosen = (labels[rows].tolist() for labels in (part.y, predicted))
        true, guessed = ([plain(model.name_of(label), 20) for label in labels] for labels in chosen)
        faults = int(wrong[rows].sum())
        shown = f"{title}. Here {faults} wrong and {len(rows) - faults} right ones, each under its prediction"
        return samples.image_samples(part.x[rows], true, guessed, title=shown)
    if part.x.shape[1] == 2 and not isinstance(part.x, Table):
        axes_names = [plain(name) for name in model.feature_names or ("First feature", "Second feature")]
        return samples.plane(
            part.x,
            _codes(model, part.y),
            wrong,
            names,
            lambda points: _codes(model, model.predict(points)),
            axes_names=axes_names,
            title=title,
        )
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (_codes(model, part.y), _codes(model, predicted)), 1)
    return samples.confusion_matrix(counts, names, title=title)


def _codes(model: Model, labels: npt.NDArray[Any]) -> Positions:
    """Return the index of each label's class."""
    assert model.classes is not None
    return np.searchsorted(model.classes, labels)
