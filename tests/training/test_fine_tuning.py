"""Training that starts from a trained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import CheckpointError, DataError, RecipeError

NETWORKS = {
    "plain": dr.Network(hidden=(12, 7)),
    "batch normalization": dr.Network(hidden=(12, 7), normalization="batch"),
    "factors, slopes and embedding": dr.Network(
        hidden=(12,), input_scale=True, parametric_activation=1.0, embedding="pbld"
    ),
    "members": dr.Network(hidden=(12,), members=3),
}
SHORT = dr.Recipe(epochs=3, stopping=None, batch_size=32)


@pytest.fixture(scope="module")
def iris() -> dr.Dataset:
    return dr.load_dataset("iris")


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_starts_from_the_function_of_the_model(name: str, engine: str, iris: dr.Dataset) -> None:
    # A step of size 0 changes no weight: what remains is the model, with its running statistics a step on.
    recipe = SHORT.replace(network=NETWORKS[name])
    model = dr.train(recipe.replace(epochs=30), iris, precision="float64").model
    still = recipe.replace(optimizer=dr.SGD(learning_rate=1e-300), epochs=1, seed=5)
    again = dr.train(still, iris, initial_parameters=model, engine=engine, precision="float64").model
    np.testing.assert_allclose(again.theta, model.theta, rtol=1e-12)
    if recipe.network.normalization is None:
        np.testing.assert_allclose(again.predict_proba(iris.test.x), model.predict_proba(iris.test.x), atol=1e-12)
    else:
        for mine, before in zip(again.states, model.states, strict=True):
            np.testing.assert_allclose(mine.gamma, before.gamma)
            change = np.abs(mine.variance / before.variance - 1)
            assert 0 < change.max() < 0.3


def test_two_runs_equal_one_with_plain_gradient_descent(iris: dr.Dataset) -> None:
    recipe = SHORT.replace(optimizer="sgd", batch_size=10**6)
    whole = dr.train(recipe.replace(epochs=6), iris, precision="float64").model
    half = dr.train(recipe, iris, precision="float64").model
    both = dr.train(recipe, iris, initial_parameters=half, precision="float64").model
    assert np.abs(half.theta - whole.theta).max() > 1e-4
    np.testing.assert_allclose(both.theta, whole.theta, rtol=1e-9)


def test_the_preprocessing_is_that_of_the_model(iris: dr.Dataset) -> None:
    model = dr.train(SHORT, iris).model
    moved = dr.Dataset(train=(iris.train.x * 2 + 5, iris.train.y))
    again = dr.train(SHORT, moved, initial_parameters=model).model
    np.testing.assert_array_equal(again.scaling.shift, model.scaling.shift)
    np.testing.assert_array_equal(again.scaling.factor, model.scaling.factor)


def test_targets_and_tables_are_preprocessed_as_before() -> None:
    frame = {"area": np.arange(60.0), "kind": np.array(list("abc") * 20), "price": np.linspace(100, 900, 60) % 170}
    rows = [dict(zip(frame, values, strict=True)) for values in zip(*frame.values(), strict=True)]
    recipe = SHORT.replace(network=dr.Network(hidden=(8,)))
    model = dr.train(recipe, rows, "price").model
    again = dr.train(recipe, rows[:20], "price", initial_parameters=model).model
    assert again.encoding is model.encoding
    assert again.target_scaling is model.target_scaling
    assert again.target_scaling is not None
    assert np.isfinite(again.predict(rows)).all()


def test_noise_and_dropout_may_differ(iris: dr.Dataset) -> None:
    model = dr.train(SHORT, iris).model
    network = dr.Network(dropout=0.1, noise=0.2, initializer="glorot_uniform", activation=("relu", "relu"))
    regularized = SHORT.replace(network=network)
    assert dr.train(regularized, iris, initial_parameters=model).status == "finished"


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (dr.Network(hidden=(9,)), "hidden"),
        (dr.Network(activation="tanh"), "activation"),
        (dr.Network(normalization="batch"), "normalization"),
    ],
)
def test_another_network_is_an_error(network: dr.Network, expected: str, iris: dr.Dataset) -> None:
    model = dr.train(SHORT, iris).model
    with pytest.raises(RecipeError, match=expected) as caught:
        dr.train(SHORT.replace(network=network), iris, initial_parameters=model)
    assert caught.value.field == "network"


def test_other_data_are_an_error(iris: dr.Dataset) -> None:
    model = dr.train(SHORT, iris).model
    x, y = iris.train.x, iris.train.y
    others: list[tuple[Any, str]] = [
        ((x[:, :3], y), r"samples of the model's shape \(4,\), got \(3,\)"),
        ((x[y < 2], y[y < 2]), "classes 0, 1, 2 for y, got classes 0, 1"),
        (dr.Dataset((x, y), class_names=("b", "a", "c")), "class names of the model: setosa, versicolor, virginica"),
        (dr.Dataset((x, y), feature_names=("d", "c", "b", "a")), "feature names of the model: sepal"),
    ]
    for data, expected in others:
        with pytest.raises(DataError, match=expected):
            dr.train(SHORT, data, initial_parameters=model)
    table = [{"a": a, "b": b, "y": str(c)} for (a, b), c in zip(x[:, :2].tolist(), y.tolist(), strict=True)]
    with pytest.raises(DataError, match="an array, as the model was trained on, got a table"):
        dr.train(SHORT, table, "y", initial_parameters=model)


def test_another_task_or_link_is_an_error(iris: dr.Dataset) -> None:
    x, codes = iris.train.x, iris.train.y
    numbers, labels = np.abs(x[:, :2]) + 1.0, (x[:, :2] > 3).astype(int)
    regression, multilabel = SHORT.replace(task="regression"), SHORT.replace(task="multilabel")
    model = dr.train(regression, (x, numbers)).model
    for recipe, y, field in (
        (SHORT, codes, "task"),
        (multilabel, labels, "task"),
        (regression.replace(loss="poisson"), numbers, "loss"),
    ):
        with pytest.raises(RecipeError) as caught:
            dr.train(recipe, (x, y), initial_parameters=model)
        assert caught.value.field == field
    with pytest.raises(DataError, match="2 numbers a sample for y, got 1 number a sample"):
        dr.train(regression, (x, numbers[:, 0]), initial_parameters=model)
    assert dr.train(regression.replace(loss="huber"), (x, numbers), initial_parameters=model).status == "finished"
    poisson = dr.train(regression.replace(loss="poisson"), (x, numbers)).model
    with pytest.raises(RecipeError, match="while the model was trained with poisson"):
        dr.train(regression, (x, numbers), initial_parameters=poisson)


def test_names_and_bounds_of_the_model_remain(iris: dr.Dataset) -> None:
    model = dr.train(SHORT, iris).model
    again = dr.train(SHORT, (iris.train.x, iris.train.y), initial_parameters=model).model
    assert (again.class_names, again.feature_names) == (model.class_names, model.feature_names)
    recipe = SHORT.replace(task="regression", clamp_predictions=True)
    x, y = iris.train.x, iris.train.x[:, 0] ** 2
    wide = dr.train(recipe, (x, y)).model
    some = np.argsort(y)[30:60]
    narrow = dr.train(recipe, (x[some], y[some]), initial_parameters=wide).model
    np.testing.assert_array_equal(narrow.target_bounds, wide.target_bounds)


def test_the_recipe_says_what_preprocesses(iris: dr.Dataset) -> None:
    model = dr.train(SHORT.replace(preparation=dr.Preparation(arrays=True)), iris).model
    assert model.encoding is not None
    again = dr.train(SHORT.replace(scaling="none"), iris, initial_parameters=model).model
    assert again.recipe.preparation == model.recipe.preparation
    assert again.recipe.scaling == model.recipe.scaling
    assert again.encoding is model.encoding


def test_an_interrupted_run_continues_only_from_the_same_model(iris: dr.Dataset, tmp_path: Path) -> None:
    model = dr.train(SHORT, iris).model
    whole = dr.train(SHORT, iris, initial_parameters=model)
    for epoch in dr.epochs(SHORT, iris, initial_parameters=model, checkpoint=tmp_path / "c", checkpoint_seconds=0):
        if epoch.number == 1:
            break
    other = replace(model, theta=model.theta * 1.01)
    with pytest.raises(CheckpointError, match="initial parameters"):
        dr.train(SHORT, iris, initial_parameters=other, checkpoint=tmp_path / "c")
    with pytest.raises(CheckpointError, match="the model that the run started from"):
        dr.resume(tmp_path / "c", iris)
    continued = dr.train(SHORT, iris, initial_parameters=model, checkpoint=tmp_path / "c")
    np.testing.assert_array_equal(continued.model.theta, whole.model.theta)


def test_initial_parameters_of_another_type_are_an_error(iris: dr.Dataset) -> None:
    run = dr.train(SHORT, iris)
    committee = dr.Ensemble([run.model, run.model])
    broken = replace(run.model, theta=run.model.theta * np.nan)
    for wrong in (run, committee, broken, "model.safetensors", "", 3.5, [1, 2, 3], True, -1):
        with pytest.raises(RecipeError) as caught:
            dr.train(SHORT, iris, initial_parameters=wrong)  # type: ignore[arg-type]
        assert caught.value.field == "initial_parameters"
