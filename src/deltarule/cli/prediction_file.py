"""Predictions in a file: CSV or Parquet, with a column for the prediction and one for each class's probability."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from deltarule.data.arrow import arrow_library
from deltarule.errors import OutputError
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble
from deltarule.writing import writing

ENDINGS = (".csv", ".parquet")


def check_ending(path: Path, data: str) -> None:
    """Refuse a file that cannot be written as predictions, before anything is predicted."""
    if path.suffix.lower() not in ENDINGS:
        raise OutputError(f"a file that ends in {' or '.join(ENDINGS)}", str(path), "--output predictions.csv")
    if path.exists() and Path(data).exists() and path.samefile(data):
        raise OutputError("another file than the data", str(path), "--output predictions.csv")
    if path.suffix.lower() == ".parquet":
        arrow_library("parquet")


def columns_of(model: Model | Ensemble, predictions: npt.NDArray[Any], probabilities: Any) -> dict[str, Sequence[Any]]:
    """Return the columns by their names: `prediction`, or `prediction_TARGET` of several targets, and probabilities."""
    rows = predictions.tolist()
    if model.classes is None:
        if predictions.ndim == 1:
            return {"prediction": rows}
        targets = model.target_names or tuple(str(place + 1) for place in range(predictions.shape[1]))
        by_target = _named("prediction", targets, predictions)
        return by_target | (_named("probability", targets, probabilities) if model.multilabel else {})
    names = [model.name_of(label) for label in model.classes.tolist()]
    columns: dict[str, Sequence[Any]] = {"prediction": [model.name_of(label) for label in rows]}
    if model.class_names is None and model.classes.dtype.kind in "iuf":
        columns = {"prediction": rows}
    return columns | {f"probability_{name}": probabilities[:, place].tolist() for place, name in enumerate(names)}


def _named(prefix: str, names: Sequence[str], values: npt.NDArray[Any]) -> dict[str, Sequence[Any]]:
    """Return the columns of values (n, k) by their names."""
    return {f"{prefix}_{name}": column for name, column in zip(names, values.T.tolist(), strict=True)}


def write_predictions(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write the columns in the order of the samples, whole or not at all; a file of that name is replaced."""
    with writing(path) as stream:
        if path.suffix.lower() == ".parquet":
            table = arrow_library("").table(dict(columns))
            arrow_library("parquet").write_table(table, stream)
            return
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        text.flush()
        text.detach()
