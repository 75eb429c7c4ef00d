"""The function `explain`, and the explanation of predictions it returns: plain arrays and pictures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DataError, DataWarning
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.language import count_of
from deltarule.recipes.checks import integer, one_of
from deltarule.studies.explain.explained import Explained, explained
from deltarule.studies.explain.gradients import deeplift, integrated_gradients
from deltarule.studies.explain.shapley import EXACT, Game, exact, sampled
from deltarule.studies.text_table import TextTable
from deltarule.training.metrics import as_data
from deltarule.types import Floats

METHODS = ("shapley", "integrated_gradients", "deeplift")
_UNEXPLAINED = 0.01
"""Fraction of the largest change of a prediction that the values of integrated gradients may leave unexplained."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How much each feature contributes to each prediction: base_values + Σ values over the features = prediction.

    values : (n, features), or (n, features, outputs) for several outputs.
    base_values : (n,) or (n, outputs), the mean prediction of the background samples.
    data : (n, features), the features' values: numbers, or words where a table has categories.
    feature_names, output_names : for tables and pictures.
    errors : the standard errors of `values`, in its shape: 0 where exact, estimated where sampled.
    predictions : (n,) or (n, outputs).
    method : "shapley", "integrated_gradients" or "deeplift".
    background : number of background samples.
    """

    values: Floats
    base_values: Floats
    data: npt.NDArray[Any]
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    errors: Floats
    predictions: Floats
    method: str
    background: int

    def __len__(self) -> int:
        return len(self.values)

    def arrays(self, output: int | None = None) -> dict[str, Any]:
        """Return what `shap.Explanation(**arrays)` takes, so that shap's plots draw it; of one output, or of all."""
        values, base = self.values, self.base_values
        if output is not None and values.ndim == 3:
            values, base = values[:, :, output], base[:, output]
        return {
            "values": values,
            "base_values": base,
            "data": self.data,
            "feature_names": list(self.feature_names),
        }

    def of_output(self, output: int | str) -> Explanation:
        """Return the explanation of one output, by its number or its name, with values (n, features)."""
        if isinstance(output, str):
            if output not in self.output_names:
                raise DataError(f"an output: {', '.join(self.output_names[:20])}", repr(output), field="output")
            output = self.output_names.index(output)
        if self.values.ndim == 2:
            return self
        parts = (each[..., output] for each in (self.values, self.base_values, self.errors, self.predictions))
        values, base, errors, predictions = parts
        names = (self.output_names[output],)
        return Explanation(
            values, base, self.data, self.feature_names, names, errors, predictions, self.method, self.background
        )

    def importance(self) -> Floats:
        """Return the mean absolute value of each feature, (features,); of several outputs their sum."""
        mean: Floats = np.abs(self.values).mean(axis=0)
        return mean if mean.ndim == 1 else mean.sum(axis=1)

    def __str__(self) -> str:
        order, importance = np.argsort(-self.importance(), kind="stable")[:20], self.importance()
        rows = tuple((plain(self.feature_names[j]), f"{importance[j]:.4g}") for j in order)
        title = f"Mean absolute contribution to the prediction, {count_of(len(self), 'sample')} ({self.method})"
        left = len(importance) - len(order)
        more = f"\n{left:,} more features." if left else ""
        return f"{TextTable(title, ('feature', 'contribution'), rows)}{more}"

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as data; missing values and unknown errors become None."""
        names = ("values", "base_values", "predictions", "data", "errors")
        arrays = {name: as_data(getattr(self, name).tolist()) for name in names}
        named = {"feature_names": list(self.feature_names), "output_names": list(self.output_names)}
        return {"method": self.method, "background": self.background, **named, **arrays}

    def plot(self, output: int | str | None = None, *, row: int | None = None, theme: Theme = LIGHT) -> Picture:
        """Draw the contributions to one output: of all samples as dots, or of one row as bars from base to prediction.

        output : number or name (default: the last one).
        """
        from deltarule.figures.explanation_displays import ContributionsDisplay, WaterfallDisplay

        chosen = self.of_output(len(self.output_names) - 1 if output is None else output)
        names = [plain(each, 28) for each in self.feature_names]
        what = plain(chosen.output_names[0])
        if row is None:
            return Picture(ContributionsDisplay(chosen.values, self.data, names, what).plot(theme=theme).figure_)
        if not -len(self) <= row < len(self):
            raise DataError(f"a row from 0 to {len(self) - 1}", f"{row}", field="row")
        labels = [f"{name} = {_word(value)}" for name, value in zip(names, self.data[row], strict=True)]
        base, values, errors = chosen.base_values[row], chosen.values[row], chosen.errors[row]
        return Picture(WaterfallDisplay(values, errors, labels, float(base), what).plot(theme=theme).figure_)


def explain(
    model: Any,
    x: Any,
    background: Any,
    *,
    method: str = "shapley",
    raw: bool = False,
    pairs: int = 1,
    most_background: int = 50,
    steps: int = 50,
    seed: int = 0,
) -> Explanation:
    """Explain predictions: how much each feature moves them away from the mean prediction of background samples.

    model : a `Model`, the ensemble of an estimator for tables, or such an estimator.
    x : (n, …) raw samples, as `model.predict` takes them.
    background : samples like those of training; a feature that is left out takes their values. Of more than
        `most_background`, so many are drawn.
    method : "shapley", exact for up to 12 features, above by permutations with standard errors; "integrated_gradients";
        "deeplift", for raw outputs.
    raw : explain the last layer's weighted sums (log-odds, log-probabilities), in place of probabilities or numbers.
    pairs : permutations, each with its reversal, for each background sample; of one, a quarter of the background
        samples have a second one, from which standard errors are estimated. steps : of integrated gradients.

    Features are the raw columns: all inputs that are made from a category belong to one feature.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> model = dr.train(dr.Recipe(epochs=20), data).model
    >>> found = explain(model, data.test.x, data.train.x)
    >>> found.values.shape, bool(np.allclose(found.base_values + found.values.sum(axis=1), found.predictions))
    ((15, 4, 3), True)
    """
    method = one_of("method", method, METHODS)
    integer("pairs", pairs, 1, "pairs=1")
    integer("most_background", most_background, 1, "most_background=50")
    integer("steps", steps, 1, "steps=50")
    chosen = explained(model, raw=raw)
    rows, behind = chosen.rows(x), chosen.rows(background)
    if not len(rows) or not len(behind):
        raise DataError("at least one sample to explain and one background sample", f"{len(rows)} and {len(behind)}")
    if len(behind) > most_background:
        behind = behind[np.sort(np.random.default_rng(seed).choice(len(behind), most_background, replace=False))]
    game = Game.of(chosen, chosen.inputs(rows), chosen.inputs(behind))
    base = game.of_background.mean(axis=0)
    if method == "shapley":
        found = exact(game) if game.features <= EXACT else sampled(game, pairs, seed)
        values, errors = found.values, found.errors
    else:
        values = integrated_gradients(game, steps) if method == "integrated_gradients" else deeplift(game)
        errors = np.zeros_like(values)
        _check_sums(values, game.of_x - base)
    return _explanation(chosen, rows, values, errors, game, method)


def _explanation(chosen: Explained, rows: Any, values: Floats, errors: Floats, game: Game, method: str) -> Explanation:
    names, predictions = chosen.output_names, game.of_x
    base = np.broadcast_to(game.of_background.mean(axis=0), predictions.shape)
    if len(names) == 1:
        values, errors, base, predictions = (each[..., 0] for each in (values, errors, base, predictions))
    data, m = chosen.data(rows), len(game.of_background)
    return Explanation(values, np.array(base), data, chosen.feature_names, names, errors, predictions, method, m)


def _check_sums(values: Floats, changes: Floats) -> None:
    """Warn where the values add up to something else than the change of the prediction."""
    gap, largest = float(np.abs(values.sum(axis=1) - changes).max()), float(np.abs(changes).max())
    if gap > _UNEXPLAINED * largest:
        message = f"Integrated gradients leave {gap:.2g} of a change of {largest:.2g} unexplained. Try: more steps"
        warnings.warn(DataWarning(message), stacklevel=3)


def _word(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | int | np.number) else plain(str(value), 20)
