"""Trained models drawn by hypothesis: all activations, losses, normalizations, embeddings, presets, tables."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import deltarule as dr
from deltarule.formulas import registered
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble
from deltarule.recipes.presets import PRESETS

ACTIVATIONS = [each.name for each in registered("activation") if each.granularity == "elementwise"]
EMBEDDINGS = [
    None,
    None,
    dr.PBLD(frequencies=5, deviation=0.3, outputs=2),
    dr.embeddings.PiecewiseLinear(bins=4, outputs=2),
    dr.embeddings.PiecewiseLinear(bins=4, outputs=2, form="rectified"),
    dr.embeddings.Periodic(frequencies=3, deviation=0.3, outputs=2),
]
CLASS_LOSSES: list[Any] = [
    *["softmax_cross_entropy", "sigmoid_cross_entropy", "softmax_focal", "sigmoid_focal", "hinge", "squared_error"],
    dr.HalfSquaredError(inverse_link="sigmoid"),
]
NUMBER_LOSSES: list[Any] = ["squared_error", "huber", "log_cosh", "absolute_error", "quantile", "poisson", "gamma"]
NUMBER_LOSSES.append(dr.HalfSquaredError(inverse_link="softplus"))
PREPARATIONS: list[dict[str, Any]] = [
    {},
    {"numbers": "quantiles"},
    {"numbers": "robust", "robust_categories": True, "categories": "signed"},
    {"embedded_above": 2},
    {"categories": "ordinal", "missing": "mean"},
    {"numbers": "none", "categories_at_most": 3},
]


class Drawn(NamedTuple):
    """A trained model, rows for it, and what it is."""

    model: Model | Ensemble
    x: Any
    words: str


def frame(seed: int, rows: int) -> Any:
    """Return a data frame with columns of every kind, missing values and rare categories."""
    import pandas as pd

    random = np.random.default_rng(seed)
    colours = ["red", "grün", 'a "quoted" one', "x,y", "rare 1", "rare 2"]
    words = random.choice(colours, rows, p=[0.4, 0.3, 0.2, 0.06, 0.02, 0.02])
    made = pd.DataFrame(
        {
            "Age (years)": random.normal(40, 12, rows).round(1),
            "count": random.poisson(3, rows).astype(float),
            "income": np.exp(random.normal(10, 1, rows)),
            "colour": words,
            "int": random.choice(["yes", "no"], rows),
            "flag": random.random(rows) > 0.5,
            "level": random.choice(["low", "high", None], rows),
            "seen": np.datetime64("2023-01-01") + random.integers(0, 700, rows).astype("timedelta64[D]"),
        }
    )
    made.loc[random.random(rows) < 0.1, "income"] = np.nan
    made.loc[random.random(rows) < 0.05, "seen"] = None
    return made


def unfamiliar(rows: Any) -> Any:
    """Return rows with values unlike those of training: unseen categories, and values missing as never before."""
    made = rows.copy()
    made.loc[1, "colour"], made.loc[2, "colour"] = "unseen", None
    made.loc[3, "Age (years)"], made.loc[4, "int"], made.loc[5, "count"] = np.nan, None, 1e6
    return made


def network(draw: Any, *, preset: bool) -> dr.Network:
    """Draw a network."""
    depth = draw(st.integers(0, 3))
    members = draw(st.sampled_from([1, 1, 1, 3])) if depth else 1
    return dr.Network(
        hidden=tuple(draw(st.integers(1, 9)) for _ in range(depth)),
        activation=tuple(draw(st.sampled_from(ACTIVATIONS)) for _ in range(depth)) if depth else "relu",
        normalization=None if members > 1 else draw(st.sampled_from([None, "batch", "layer"])),
        input_scale=draw(st.booleans()),
        parametric_activation=draw(st.sampled_from([None, None, 0.7])),
        parametrization=draw(st.sampled_from(["standard", "ntk"])),
        embedding=draw(st.sampled_from(EMBEDDINGS)),
        category_embedding=2,
        members=members,
        member_form=draw(st.sampled_from(["batch_ensemble", "mini"])),
        dropout=0.0 if preset else draw(st.sampled_from([0.0, 0.2])),
    )


def targets(draw: Any, values: Any, seed: int) -> tuple[Any, str, Any]:
    """Draw targets that depend on some numbers (n, d), their task and a loss."""
    random = np.random.default_rng(seed + 1)
    signal = values[:, 0] - values[:, -1] + 0.3 * random.normal(size=len(values))
    task = draw(st.sampled_from(["classes", "two classes", "texts", "numbers", "several", "labels"]))
    match task:
        case "classes" | "texts":
            codes = np.digitize(signal, np.quantile(signal, [0.3, 0.6]))
            y = np.array(["no", "maybe", "sí"])[codes] if task == "texts" else codes
            return y, "classification", draw(st.sampled_from(CLASS_LOSSES))
        case "two classes":
            return signal > 0, "classification", draw(st.sampled_from(CLASS_LOSSES))
        case "numbers":
            return np.exp(0.3 * signal), "regression", draw(st.sampled_from(NUMBER_LOSSES))
        case "several":
            return np.stack([np.exp(0.3 * signal), 5.0 + signal**2], axis=1), "regression", "squared_error"
    return (np.stack([signal, -signal, signal**2], axis=1) > 0.5).astype(int), "multilabel", "sigmoid_cross_entropy"


@st.composite
def models(draw: Any, rows: int = 200) -> Drawn:
    """Draw a trained model, and rows for it."""
    seed, kind = draw(st.integers(0, 10_000)), draw(st.sampled_from(["array", "table", "table", "preset", "ensemble"]))
    random = np.random.default_rng(seed)
    if kind == "array":
        x: Any = random.normal(draw(st.sampled_from([0.0, 30.0])), 2.0, (rows, draw(st.integers(1, 12)))).astype(
            np.float32
        )
        values = (x - x.mean(axis=0)) / x.std(axis=0)
    else:
        x = frame(seed, rows)
        values = np.stack([x["Age (years)"] / 12 - 3, x["count"] / 2, (x["colour"] == "red") * 1.0], axis=1)
    y, task, loss = targets(draw, values, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, words = _trained(draw, kind, x, y, task, loss)
    return Drawn(model, x if kind == "array" else unfamiliar(x), words)


def _trained(draw: Any, kind: str, x: Any, y: Any, task: str, loss: Any) -> tuple[Model | Ensemble, str]:
    if kind in ("preset", "ensemble") and task != "multilabel":
        name = draw(st.sampled_from(sorted(PRESETS)))
        recipe = dr.preset(name, task, len(x)).replace(epochs=2, stopping=None)
        if kind == "ensemble":
            cls = dr.TabularRegressor if task == "regression" else dr.TabularClassifier
            return cls(preset=recipe, folds=2).fit(x, y).ensemble_, f"ensemble of {name}"
    else:
        name = "recipe"
        recipe = dr.Recipe(
            network=network(draw, preset=False),
            loss=loss,
            epochs=2,
            stopping=None,
            task=task,
            preparation=draw(st.sampled_from(PREPARATIONS)) if kind != "array" else {},
            optimizer=dr.Adam(0.01),
            clamp_predictions=draw(st.booleans()) if task == "regression" else False,
        )
    run = dr.train(recipe, (x, y), progress=False)
    return run.model, f"{name}, {kind}, {task}, {recipe.network}"
