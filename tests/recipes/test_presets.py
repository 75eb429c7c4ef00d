"""Presets: ordinary recipes with the constants of their sources, valid for each task and size."""

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import RecipeError, UnknownName
from deltarule.recipes.presets import DEFAULT_PRESET, PRESETS, RACE

TASKS = ("classification", "regression", "multilabel")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_recipe_and_its_json(name, task):
    recipe = dr.preset(name, task, 10_000)
    assert dr.Recipe.from_json(json.dumps(recipe.to_json())) == recipe
    assert recipe.task == task
    assert recipe.preparation.numbers == ("quantiles" if name == "tabm" else "robust")
    assert recipe.preparation.arrays
    assert len(PRESETS[name].source) > 20


def test_batches_follow_the_number_of_rows():
    rows = (100, 5_000, 30_000, 30_001, 100_000, 100_001)
    sizes = {each: dr.preset("realmlp-s", "regression", each).batch_size for each in rows}
    assert sizes == {100: 100, 5_000: 256, 30_000: 256, 30_001: 512, 100_000: 512, 100_001: 1024}
    data = dr.load_dataset("iris")
    assert dr.preset("plain", data=data) == dr.preset("plain", "classification", len(data.train))
    assert dr.preset("plain", "regression", np.zeros((70, 3))).batch_size == 70


def test_the_constants_are_those_of_pytabkit():
    """`RealMLP_TD_S_CLASS`, `..._REG`, `RealMLP_TD_CLASS` and `..._REG` of pytabkit's default_params.py."""
    small = {task: dr.preset("realmlp-s", task, 1_000) for task in TASKS}
    full = {task: dr.preset("realmlp", task, 1_000) for task in TASKS}
    assert {task: recipe.optimizer.learning_rate for task, recipe in small.items()} == dict.fromkeys(TASKS, 0.04) | {
        "regression": 0.07
    }
    assert full["regression"].optimizer.learning_rate == 0.2
    for recipe in (*small.values(), *full.values()):
        assert recipe.network.hidden == (256, 256, 256)
        assert recipe.network.activation.name == ("mish" if recipe.task == "regression" else "selu")
        assert recipe.network.parametrization == "ntk"
        assert (recipe.optimizer.beta1, recipe.optimizer.beta2, recipe.optimizer.epsilon) == (0.9, 0.95, 1e-8)
        assert recipe.groups.of("biases").learning_rate == 0.1
        assert recipe.groups.of("scale").learning_rate == 6.0
        assert (recipe.schedule.name, recipe.drop_last) == ("cosine_log", True)
        assert (recipe.stopping.patience, recipe.stopping.ties, recipe.stopping.monitor) == (None, "last", "score")
    for recipe in full.values():
        assert (recipe.network.dropout, recipe.optimizer.weight_decay) == (0.15, 0.02)
        assert recipe.groups.of("biases").decay == 0.0
        assert recipe.groups.of("scale").decay == 6.0
        for group in ("slopes", "embeddings"):
            assert (recipe.groups.of(group).learning_rate, recipe.groups.of(group).decay) == (0.1, 0.1)
        assert recipe.network.embedding == dr.formula("embedding", "pbld")
        assert recipe.preparation.embedded_above == 8
    assert {recipe.epochs for recipe in small.values()} == {256}
    assert {recipe.epochs for recipe in full.values()} == {128}  # pytabkit has 256; docs/tables.md says why
    assert small["classification"].loss.label_smoothing == 0.1
    assert not small["regression"].clamp_predictions


def test_the_piecewise_linear_preset_differs_in_the_embedding_alone():
    periodic, linear = (dr.preset(name, "regression", 1_000) for name in RACE)
    assert (linear.network.embedding.name, linear.network.embedding.bins) == ("piecewise_linear", 48)
    assert linear.replace(network=linear.network.replace(embedding=periodic.network.embedding)) == periodic


def test_the_plain_preset_is_the_mlp_of_its_source():
    """MLP-D of Holzmüller, Grinsztajn, Steinwart (2024), table B.5."""
    recipe = dr.preset("plain", "classification", 1_000)
    network, optimizer = recipe.network, recipe.optimizer
    assert (network.hidden, network.activation.name, network.dropout) == ((128, 256, 128), "relu", 0.1)
    assert (optimizer.name, optimizer.learning_rate, optimizer.weight_decay) == ("adamw", 1e-3, 0.01)
    assert (recipe.batch_size, recipe.epochs, recipe.stopping.patience) == (128, 256, 20)


def test_what_is_no_preset_is_answered_with_those_there_are():
    with pytest.raises(UnknownName, match=r"realmlp-s.*plain.*for preset, got 'realmpl'. Try: preset='realmlp'"):
        dr.preset("realmpl", "regression", 10)
    with pytest.raises(RecipeError, match="for task, got 'auto'"):
        dr.preset("plain")
    with pytest.raises(RecipeError, match="for data, got None"):
        dr.preset("plain", "regression")
    assert DEFAULT_PRESET in PRESETS


def test_a_preset_trains():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    data = dr.Dataset(train=(x, x[:, 0] ** 2 + x[:, 1]), test=(x[:50], x[:50, 0] ** 2 + x[:50, 1]))
    recipe = dr.preset("realmlp-s", data=data).replace(epochs=30)
    assert dr.train(recipe, data).model.score(data.test.x, data.test.y) > 0.9


def test_tabm_is_that_of_its_authors_with_half_of_the_members_and_units():
    """The defaults of `TabM.make` with embeddings, and of the training in the example of the package.

    Theirs are 32 members and 512 units; docs/tables.md says why.
    """
    recipe = dr.preset("tabm", "regression", 10_000)
    network = recipe.network
    assert (network.hidden, network.members, network.member_form) == ((256, 256), 16, "batch_ensemble")
    assert network.embedding == dr.formula("embedding", "piecewise_linear")
    assert (recipe.optimizer.learning_rate, recipe.optimizer.weight_decay) == (2e-3, 3e-4)
    assert (recipe.stopping.patience, recipe.clipping.limit, recipe.batch_size) == (16, 1.0, 256)
    rows = (2_799, 2_800, 4_499, 4_500, 6_399, 6_400, 31_999, 32_000)
    assert [dr.preset("tabm", "regression", n).batch_size for n in rows] == [32, 64, 64, 128, 128, 256, 256, 512]


def test_members_predict_in_the_estimators_too():
    x = np.random.default_rng(0).normal(size=(60, 3))
    small = dr.preset("tabm", "regression", 60).replace(epochs=15, optimizer=dr.AdamW(0.02))
    small = small.replace(network=dr.Network(hidden=(8,), members=4, embedding="piecewise_linear"))
    both = np.column_stack([x[:, 0], -x[:, 0]])
    model = dr.TabularRegressor(small, folds=2).fit(x, both)
    assert model.predict(x).shape == (60, 2)
    assert model.score(x, both) > 0.5
    labels = dr.TabularClassifier(small, folds=2).fit(x, np.sign(x[:, 0]))
    np.testing.assert_allclose(labels.predict_proba(x).sum(axis=1), 1.0)
    assert labels.score(x, np.sign(x[:, 0])) > 0.8
