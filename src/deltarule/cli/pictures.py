"""The pictures in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Part, Table
from deltarule.figures.style import plain
from deltarule.models import Model
from deltarule.types import Booleans, Positions

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


def draw_predictions(folder: Path, model: Model, part: Part, part_name: str) -> Path:
    """Write the picture of a model's predictions into a folder, under a name that says what it shows."""
    from deltarule.figures import style

    return style.save(predictions_picture(model, part, part_name), folder / picture_name(model, part))


def picture_name(model: Model, part: Part) -> str:
    """Return the file's name: samples.png for images and points of the plane, confusion.png, or predictions.png."""
    if model.classes is None:
        return "predictions.png"
    return "samples.png" if part.x.ndim > 2 or _is_plane(part) else "confusion.png"


def predictions_picture(model: Model, part: Part, part_name: str) -> Figure:
    """Return images, a map of the plane, a confusion matrix, or predicted against true values, as suits the data."""
    from deltarule.figures import samples

    predicted = model.predict(part.x, strict=None)
    if model.multilabel:
        predicted = model.predict_proba(part.x, strict=None)
    if model.classes is None:
        columns = (len(part), -1)
        title = f"{part_name} set, {len(part):,} samples"
        true, guessed = part.y.reshape(columns), predicted.reshape(columns)
        return samples.predicted_against_true(true, guessed, title=title, names=_target_names(model))
    wrong = predicted != part.y
    title = f"{part_name} set: {int(wrong.sum()):,} of {len(part):,} wrong"
    if part.x.ndim > 2:
        return _images(model, part, predicted, wrong, title)
    names = [plain(model.name_of(label)) for label in model.classes.tolist()]
    if _is_plane(part):
        return samples.plane(
            part.x,
            _codes(model, part.y),
            wrong,
            names,
            lambda points: _codes(model, model.predict(points)),
            axes_names=[plain(name) for name in model.feature_names or ("First feature", "Second feature")],
            title=title,
        )
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (_codes(model, part.y), _codes(model, predicted)), 1)
    return samples.confusion_matrix(counts, names, title=title, what=next(iter(_target_names(model)), "class"))


def _images(model: Model, part: Part, predicted: npt.NDArray[Any], wrong: Booleans, title: str) -> Figure:
    """Return some images, the wrong ones first, each under its prediction."""
    from deltarule.figures import samples

    rows = samples.chosen_samples(wrong)
    chosen = (labels[rows].tolist() for labels in (part.y, predicted))
    true, guessed = ([plain(model.name_of(label), 20) for label in labels] for labels in chosen)
    faults = int(wrong[rows].sum())
    shown = f"{title}. Here {faults} wrong and {len(rows) - faults} right ones, each under its prediction"
    return samples.image_samples(part.x[rows], true, guessed, title=shown)


def _is_plane(part: Part) -> bool:
    return part.x.shape[1] == 2 and not isinstance(part.x, Table)


def _target_names(model: Model) -> list[str]:
    """Return the names of a table's target columns."""
    return [plain(name) for name in ([] if model.encoding is None else model.encoding.targets)]


def _codes(model: Model, labels: npt.NDArray[Any]) -> Positions:
    """Return the index of each label's class."""
    assert model.classes is not None
    return np.searchsorted(model.classes, labels)
