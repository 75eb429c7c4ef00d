"""Explanations: against the definition on all subsets, finite differences, linear models, and their own promises."""

from __future__ import annotations

import json
import math
from itertools import combinations

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import Table
from deltarule.engines.first_layer import FirstLayer
from deltarule.engines.predicting import NumPyPredictor
from deltarule.engines.registry import prefixes_of, tail_of
from deltarule.errors import DataError, ModelError, UnknownColumn
from deltarule.models.ensemble import Ensemble
from deltarule.studies.explain.explained import Explained
from deltarule.studies.explain.shapley import Game, exact, sampled

NETWORKS = {
    "plain": dr.Network(hidden=(8, 6), activation="gelu"),
    "linear": dr.Network(hidden=()),
    "batch normalization": dr.Network(hidden=(8, 6), activation="gelu", normalization="batch"),
    "layer normalization": dr.Network(hidden=(8,), activation="tanh", normalization="layer"),
    "trained parts": dr.Network(hidden=(8, 6), activation="gelu", input_scale=True, parametric_activation=0.5),
    "embedding": dr.Network(hidden=(8,), embedding=dr.PBLD()),
    "members": dr.Network(hidden=(8, 6), members=3),
    "mini members": dr.Network(hidden=(8, 6), members=3, member_form="mini"),
}


def trained(network: dr.Network, x, y, **changes) -> dr.Model:
    recipe = dr.Recipe(network=network, epochs=3, stopping=None, batch_size=16, **changes)
    return dr.train(recipe, (x, y), precision="float64").model


def numbers(n: int, d: int, seed: int = 0):
    x = np.random.default_rng(seed).normal(size=(n, d))
    return x, x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, -1]


def brute_force(predict, x, background):
    """Shapley values (features, outputs) of one row, as the definition has them: every subset of raw features."""
    d = len(x)

    def value(subset):
        mixed = background.copy()
        mixed[:, list(subset)] = x[list(subset)]
        return np.asarray(predict(mixed)).reshape(len(mixed), -1).mean(axis=0)

    known = {subset: value(subset) for size in range(d + 1) for subset in combinations(range(d), size)}
    others = [[i for i in range(d) if i != j] for j in range(d)]
    return np.stack([
        sum(
            (known[tuple(sorted((*subset, j)))] - known[subset]) / (d * math.comb(d - 1, size))
            for size in range(d)
            for subset in combinations(others[j], size)
        )
        for j in range(d)
    ])  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_layers_terms_and_the_rest_of_the_network_are_the_network(name):
    x, y = numbers(40, 5)
    model = trained(NETWORKS[name], x, y)
    first = FirstLayer.of(model.shape, model.parameters, model.scaling)
    sums = first.biases + first.terms(x, np.arange(5), np.float64).sum(axis=0)
    tail = tail_of(model.shape, model.recipe.network, model.parameters)
    whole = NumPyPredictor(model.shape, model.recipe.network, model.parameters, model.scaling)
    np.testing.assert_allclose(tail(sums), whole(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("samples", [3, 7])
def test_prefixes_of_a_permutation_and_their_complements_are_predicted_as_mixed_samples(name, samples):
    x, y = numbers(40, 5)
    model = trained(NETWORKS[name], x, y)
    whole = NumPyPredictor(model.shape, model.recipe.network, model.parameters, model.scaling)
    first = FirstLayer.of(model.shape, model.parameters, model.scaling)
    terms = first.terms(x, np.arange(5), np.float64)
    sums = first.biases + terms.sum(axis=0)
    prefixes = prefixes_of(model.shape, model.recipe.network, model.parameters, 7)
    for rows in (slice(samples), slice(10, 10 + samples)):
        prefixes.take(terms[:, rows], sums[rows])
        for b, order in ((30, np.array([4, 0, 3, 1, 2])), (31, np.arange(5))):
            found = prefixes(terms[:, b], sums[b], order)
            assert found.shape == (4, 2, samples, whole(x).shape[1])
            for step in range(4):
                for direction, chosen in enumerate((order[: step + 1], order[step + 1 :])):
                    mixed = np.repeat(x[b : b + 1], samples, axis=0)
                    mixed[:, chosen] = x[rows][:, chosen]
                    np.testing.assert_allclose(found[step, direction], whole(mixed), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", NETWORKS)
def test_exact_values_equal_the_definition(name):
    x, y = numbers(60, 4)
    model = trained(NETWORKS[name], x, y)
    found = model.explain(x[:2], x[50:])
    expected = [brute_force(model.predict, row, x[50:]) for row in x[:2]]
    np.testing.assert_allclose(found.values[..., None], expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.predictions, model.predict(x[:2]), rtol=0, atol=1e-12)


def test_ten_features_equal_the_definition_in_single_precision_and_add_up():
    x, y = numbers(80, 10)
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(16,)), epochs=3, stopping=None), (x, y > 0)).model
    found = model.explain(x[:1], x[60:])
    expected = brute_force(model.predict_proba, x[0], x[60:])
    np.testing.assert_allclose(found.values[0], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), model.predict_proba(x[:1]), atol=1e-6)


def test_sampled_values_add_up_and_their_standard_errors_say_how_far_off_they_are():
    x, y = numbers(200, 8)
    model = trained(dr.Network(hidden=(16, 8)), x, y)
    chosen = Explained(model)
    game = Game.of(chosen, x[:30], x[150:170])
    truth, found = exact(game), sampled(game, 3, seed=1)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, game.of_x, rtol=0, atol=1e-12)
    scores = (found.values - truth.values) / found.errors
    assert 0.9 < np.sqrt(np.mean(scores**2)) < 1.35  # t-distributed, with 40 degrees of freedom
    assert np.mean(np.abs(scores) < 2) > 0.9


def test_one_pair_for_each_background_sample_has_standard_errors_from_those_with_two():
    x, y = numbers(200, 8)
    game = Game.of(Explained(trained(dr.Network(hidden=(16, 8)), x, y)), x[:20], x[150:190])
    truth, scores = exact(game).values, []
    for seed in range(4):
        found = sampled(game, 1, seed)
        np.testing.assert_allclose(found.values.sum(axis=1) + found.base, game.of_x, rtol=0, atol=1e-12)
        scores.append((found.values - truth) / found.errors)
    assert 0.9 < np.sqrt(np.mean(np.square(scores))) < 1.35  # t-distributed, with 10 degrees of freedom: 1.12
    assert np.mean(np.abs(scores) < 2.2) > 0.9
    assert (sampled(Game.of(game.explained, x[:2], x[150:151]), 1, seed=0).errors > 0).all()


def test_more_than_twelve_features_are_sampled_the_same_for_every_number_of_threads(monkeypatch):
    x, y = numbers(80, 14)
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(300,)), epochs=2, stopping=None), (x, y)).model
    found = model.explain(x, x[60:], seed=3)
    assert (found.errors > 0).all()
    assert found.values.shape == (80, 14)
    monkeypatch.setenv("DELTARULE_NUM_THREADS", "1")
    assert np.array_equal(found.values, model.explain(x, x[60:], seed=3).values)


def people(n: int):
    draws = np.random.default_rng(0)
    age, size = draws.integers(18, 90, n), draws.normal(170, 10, n)
    town = draws.choice(["Rome", "Oslo", "Lima"], n)
    y = np.where((age > 50) ^ (town == "Oslo"), "yes", "no")
    return {"age": age, "town": town, "size": size}, y


@pytest.mark.parametrize("embedded", [False, True])
def test_a_columns_inputs_are_switched_together(embedded):
    columns, y = people(120)
    network = dr.Network(hidden=(8,), embedding=dr.PBLD() if embedded else None)
    preparation = dr.Preparation(embedded_above=2 if embedded else None)
    recipe = dr.Recipe(network=network, preparation=preparation, epochs=5, stopping=None)
    model = dr.train(recipe, columns, y, precision="float64").model
    found = model.explain({k: v[:3] for k, v in columns.items()}, {k: v[100:] for k, v in columns.items()})
    assert found.feature_names == ("age", "town", "size")
    assert found.data[0].tolist() == [columns["age"][0], columns["town"][0], columns["size"][0]]
    rows = np.array(list(zip(*columns.values(), strict=True)), object)

    def predict(mixed):
        return model.predict_proba(dict(zip(columns, mixed.T, strict=True)), strict=None)

    expected = brute_force(predict, rows[0], rows[100:])
    np.testing.assert_allclose(found.values[0], expected, rtol=0, atol=1e-9)


def test_an_ensemble_is_explained_as_its_mean_prediction():
    columns, y = people(120)
    recipes = [dr.Recipe(network=dr.Network(hidden=(8,)), epochs=5, stopping=None, seed=seed) for seed in range(2)]
    encoded = [run.model for run in dr.train_many(recipes, dr.Dataset((columns, y)), precision="float64")]
    ensemble = Ensemble(tuple(encoded), np.zeros((1, 1)), temperature=0.5, columns=tuple(columns))
    some = {k: v[:3] for k, v in columns.items()}
    found = dr.explain(ensemble, some, columns)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), ensemble.predict_proba(some), atol=1e-12)
    with pytest.raises(ModelError, match="several networks"):
        dr.explain(ensemble, some, columns, raw=True)
    with pytest.raises(ModelError, match="single network"):
        dr.explain(ensemble, some, columns, method="integrated_gradients")


@pytest.mark.parametrize("method", ["shapley", "integrated_gradients", "deeplift"])
def test_all_methods_agree_on_a_linear_model(method):
    x, y = numbers(60, 5)
    model = trained(dr.Network(hidden=()), x, y)
    found = model.explain(x[:4], x[40:], method=method)
    slope = model.predict(np.eye(5)) - model.predict(np.zeros((5, 5)))
    np.testing.assert_allclose(found.values, (x[:4] - x[40:].mean(axis=0)) * slope, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["plain", "batch normalization", "layer normalization", "trained parts"])
@pytest.mark.parametrize("classes", [False, True])
def test_integrated_gradients_are_the_integral_of_finite_differences(name, classes):
    x, y = numbers(60, 4)
    y = np.digitize(y, [-0.5, 0.5]) if classes else y
    model = trained(NETWORKS[name], x, y)
    found = model.explain(x[:2], x[50:51], method="integrated_gradients", steps=200)
    predict = model.predict_proba if classes else model.predict
    expected, h, steps = np.zeros((2, 4, 3 if classes else 1)), 1e-4, 200
    for alpha in (np.arange(steps) + 0.5) / steps:
        point = x[50] + alpha * (x[:2] - x[50])
        for j in range(4):
            up, down = (np.asarray(predict(point + sign * h * np.eye(4)[j])).reshape(2, -1) for sign in (1, -1))
            expected[:, j] += (x[:2, [j]] - x[50, j]) * (up - down) / (2 * h) / steps
    np.testing.assert_allclose(found.values.reshape(expected.shape), expected, rtol=0, atol=2e-3)
    np.testing.assert_allclose(found.values.sum(axis=1), found.predictions - found.base_values, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", ["sigmoids", "numbers as probabilities", "two classes", "several labels", "clamped"])
def test_integrated_gradients_are_of_the_prediction_not_of_the_output(kind):
    x, y = numbers(60, 4)
    loss = "sigmoid_cross_entropy" if kind in {"sigmoids", "several labels"} else "squared_error"
    if kind == "several labels":
        y = np.stack([y > 0, x[:, 0] > 0], axis=1).astype(float)
    elif kind != "clamped":
        y = np.digitize(y, [0] if kind == "two classes" else [-0.5, 0.5])
    recipe = dr.Recipe(
        network=NETWORKS["plain"], epochs=40, stopping=None, batch_size=16, loss=loss, clamp_predictions=True,
        task="regression" if kind == "clamped" else "multilabel" if kind == "several labels" else "classification",
    )  # fmt: skip
    model = dr.train(recipe, (x, y), precision="float64").model
    # Of far samples some outputs are outside of the bounds, or of [0, 1]; where all are below 0, probabilities jump.
    far = x / 4 if kind == "numbers as probabilities" else 3 * x
    found = model.explain(far[:8], far[40:], method="integrated_gradients", steps=200)
    np.testing.assert_allclose(found.values.sum(axis=1), found.predictions - found.base_values, rtol=0, atol=5e-3)
    if kind == "sigmoids":
        with pytest.raises(ModelError, match="raw=True"):
            model.explain(x[:8], x, method="deeplift")
    elif kind != "numbers as probabilities":
        found = model.explain(far[:8], far[40:], method="deeplift")
        np.testing.assert_allclose(found.values.sum(axis=1), found.predictions - found.base_values, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["plain", "batch normalization", "trained parts"])
@pytest.mark.parametrize("loss", ["squared_error", "softmax_cross_entropy"])
def test_deeplift_adds_up(name, loss):
    x, y = numbers(60, 4)
    y = y if loss == "squared_error" else np.digitize(y, [-0.5, 0.5])
    model = trained(NETWORKS[name], x, y, loss=loss)
    found = model.explain(x[:3], x[50:], method="deeplift", raw=True)
    np.testing.assert_allclose(found.values.sum(axis=1), found.predictions - found.base_values, rtol=0, atol=1e-9)


def test_deeplift_of_one_relu_is_its_secant():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = trained(dr.Network(hidden=(4,), activation="relu"), x, x[:, 0] ** 2)
    found = model.explain(x[3:], x[:1], method="deeplift")
    np.testing.assert_allclose(found.values[0, 0], model.predict(x)[3] - model.predict(x)[0], rtol=0, atol=1e-12)
    softmax = trained(dr.Network(hidden=(4,)), x, np.arange(4), loss="softmax_cross_entropy")
    with pytest.raises(ModelError, match="raw=True"):
        softmax.explain(x, x, method="deeplift")


def test_an_explanation_is_plain_arrays_data_and_pictures():
    data = dr.load_dataset("iris")
    model = dr.train(dr.Recipe(epochs=10), data).model
    found = model.explain(data.test.x, data.train.x)
    arrays = found.arrays("virginica" in found.output_names and 2)
    assert arrays["values"].shape == arrays["data"].shape == (15, 4)
    assert arrays["base_values"].shape == (15,)
    assert found.of_output(found.output_names[1]).values.shape == (15, 4)
    assert json.loads(json.dumps(found.to_json()))["feature_names"] == list(data.feature_names)
    assert len(found.plot().axes_) == 2
    assert "=" in found.plot(row=0).axes_[0].get_yticklabels()[0].get_text()
    assert data.feature_names[0] in str(found)
    with pytest.raises(DataError, match="row from 0 to 14"):
        found.plot(row=99)
    with pytest.raises(ModelError, match="a Model"):
        dr.explain(object(), data.test.x, data.train.x)


@pytest.mark.parametrize("output", [None, 1])
def test_shaps_plots_draw_the_arrays(output):
    shap = pytest.importorskip("shap", reason="shap is not installed; its plots are what this test draws")
    plt = pytest.importorskip("matplotlib.pyplot")
    data = dr.load_dataset("iris")
    found = dr.train(dr.Recipe(epochs=5), data).model.explain(data.test.x, data.train.x)
    theirs = shap.Explanation(**found.arrays(output))
    assert theirs.shape == found.values.shape[: theirs.values.ndim]
    one = theirs if output is not None else theirs[..., 0]
    for draw in (shap.plots.beeswarm, shap.plots.bar, lambda e, **o: shap.plots.waterfall(e[0], **o)):
        plt.figure()
        draw(one, show=False)
        words = " ".join(text.get_text() for axes in plt.gcf().axes for text in axes.get_yticklabels())
        assert all(name in words for name in data.feature_names)
        plt.close("all")


def test_partial_dependence_is_the_mean_prediction():
    x, y = numbers(60, 4)
    model = trained(dr.Network(hidden=(8,)), x, y)
    found = dr.partial_dependence(model, x, 1, points=5)
    for value, mean in zip(found.x, found.values[:, 0], strict=True):
        changed = x.copy()
        changed[:, 1] = value
        assert mean == pytest.approx(model.predict(changed).mean(), abs=1e-12)
    assert len(found.plot().axes_) == 1
    with pytest.raises(DataError, match="0 to 3"):
        dr.partial_dependence(model, x, 4)


def test_accumulated_local_effects_of_a_linear_model_are_its_lines_in_spite_of_correlation():
    x, y = numbers(80, 3)
    x[:, 1] = x[:, 0] + 0.01 * x[:, 1]
    model = trained(dr.Network(hidden=()), x, y)
    slope = (model.predict(np.eye(3)) - model.predict(np.zeros((3, 3))))[0]
    found = dr.accumulated_local_effects(model, x, 0, intervals=8)
    np.testing.assert_allclose(np.diff(found.values[:, 0]), slope * np.diff(found.x), rtol=0, atol=1e-10)


def test_effects_of_a_tables_columns():
    columns, y = people(120)
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(8,)), epochs=5), columns, y).model
    found = dr.partial_dependence(model, columns, "town")
    assert found.x.tolist() == ["Lima", "Oslo", "Rome"]
    assert found.values.shape == (3, 2)
    assert found.plot().axes_[0].get_xlabel() == "town"
    with pytest.raises(UnknownColumn, match="'town'"):
        dr.partial_dependence(model, columns, "towns")
    with pytest.raises(DataError, match="numbers"):
        dr.accumulated_local_effects(model, columns, "town")
    assert isinstance(Explained(model).rows(columns), Table)


def test_permutation_importance_finds_the_features_that_matter():
    x = np.random.default_rng(0).normal(size=(300, 4))
    model = dr.train(dr.Recipe(epochs=20, stopping=None), (x, x[:, 0] + 0.3 * x[:, 2])).model
    found = dr.permutation_importance(model, (x, x[:, 0] + 0.3 * x[:, 2]), metric="mse")
    assert np.argsort(-found.means).tolist()[:2] == [0, 2]
    assert (found.errors[:1] > 0).all()
    assert found.means[0] == pytest.approx(2.0, rel=0.3)  # shuffled, the feature's variance counts twice
    assert "x0" in str(found)
    assert len(found.plot().axes_) == 1
