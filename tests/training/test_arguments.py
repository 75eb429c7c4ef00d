"""`train` on arrays and frames, its callback, and errors for arguments that it does not have."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

import deltarule as dr
from deltarule.recipes.options import OPTIONS
from deltarule.recipes.suggestions import ELSEWHERE, FOREIGN, FOREIGN_FIELDS, path_in
from deltarule.training.arguments import TRAINING

IRIS = dr.load_dataset("iris")
X, Y = IRIS.train.x, IRIS.train.y
RECIPE = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=4)
FRAME = pd.DataFrame({"length": X[:, 0], "width": X[:, 1], "place": np.where(X[:, 2] > 3, "north", None)})
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


@pytest.mark.parametrize(
    "given",
    [(X, Y), (X.tolist(), Y.tolist()), ((X, Y),), ((X, Y, np.ones(len(Y))),), (dr.Part(X, Y),)],
    ids=["arrays", "lists", "pair", "weighted", "part"],
)
def test_arrays_are_a_training_set(given):
    expected = dr.train(RECIPE, dr.Dataset(train=(X, Y)))
    assert_array_equal(dr.train(RECIPE, *given).model.theta, expected.model.theta)
    assert [epoch.train_loss for epoch in dr.epochs(RECIPE, *given)] == [each.train_loss for each in expected.history]


def test_early_stopping_holds_out_a_tenth_of_the_arrays():
    run = dr.train(RECIPE, X, Y)
    assert (len(run.data.train), len(run.data.validation)) == (108, 12)
    assert dr.train(RECIPE.replace(stopping=None), X, Y).data.validation is None


@pytest.mark.parametrize("frame", [FRAME, pl.from_pandas(FRAME)], ids=["pandas", "polars"])
def test_frames_are_read_by_the_loader(frame):
    by_target = frame.assign(species=NAMES) if isinstance(frame, pd.DataFrame) else frame.with_columns(
        species=pl.Series(NAMES)
    )  # fmt: skip
    expected = dr.train(RECIPE, dr.load_dataset(by_target, target="species", split="official"))
    for given in ((frame, NAMES), (by_target, "species"), (frame, by_target["species"])):
        run = dr.train(RECIPE, *given)
        assert_array_equal(run.model.theta, expected.model.theta)
        assert run.model.predict(frame).tolist() == expected.model.predict(FRAME).tolist()


def test_targets_of_any_column_type():
    for y in (pd.Series(NAMES).astype("category"), pd.Series(NAMES, dtype="string"), pd.DataFrame({"y": NAMES})):
        assert set(dr.train(RECIPE, FRAME, y).model.predict(FRAME)) <= set(NAMES)


def test_many_networks_take_the_same_data():
    expected = dr.train(RECIPE, X, Y).model.theta
    for data in ((X, Y), [dr.Dataset(train=(X, Y))] * 2):
        assert_array_equal(dr.train_many([RECIPE, RECIPE], data)[1].model.theta, expected)
    assert dr.train_many([], []) == []


def test_the_range_test_takes_the_same_data():
    options = {"steps": 20, "seeds": 1}
    expected = dr.learning_rate_range(RECIPE, dr.Dataset(train=(X, Y)), **options)
    assert_array_equal(dr.learning_rate_range(RECIPE, (X, Y), **options).losses, expected.losses)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dr.train(IRIS, RECIPE), r"a Recipe as the first argument.*Try: train\(recipe, data\)"),
        (lambda: dr.train(dr.Recipe, IRIS), r"the class Recipe. Try: dr.Recipe\(\)"),
        (lambda: dr.train(RECIPE.network, IRIS), r"Try: dr.Recipe\(network=network\)"),
        (lambda: dr.train(RECIPE, X), r"got ndarray. Try: train\(recipe, X, y\)"),
        (lambda: dr.train(RECIPE, FRAME), r'Try: train\(recipe, frame, "target"\)'),
        (lambda: dr.train(RECIPE, "iris"), r"Try: train\(recipe, dr.load_dataset\('iris'\)\)"),
        (lambda: dr.train(RECIPE, IRIS, Y), r"got a Dataset and y"),
        (lambda: dr.train(RECIPE, FRAME, "species"), r"species"),
        (lambda: dr.train(RECIPE, X, Y[:5]), r"120 rows of x and 5 of y"),
        (lambda: dr.train(X=X, y=Y), r"got 'X'. Try: train\(recipe, X, y\)"),
        (lambda: dr.train(RECIPE, IRIS, lr=0.1), r"Try: optimizer.learning_rate, in Recipe"),
        (lambda: dr.train(RECIPE, IRIS, epochs=3), r"Try: train\(Recipe\(epochs=...\), data\)"),
        (lambda: dr.epochs(RECIPE, IRIS, engin="reference"), r"an argument of epochs, got 'engin'. Try: engine"),
    ],
)
def test_misuse_is_answered_with_the_corrected_call(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("name", TRAINING)
def test_arguments_of_other_libraries_are_errors(name):
    with pytest.raises(TypeError, match="an argument of train") as caught:
        dr.train(RECIPE, IRIS, **{name: 1})
    assert caught.value.suggestion == TRAINING[name]


# --- Unknown fields -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_suggestion_is_a_recipe_with_the_field(name):
    example = ELSEWHERE[name]
    path = path_in(example)
    node = eval(example, vars(dr) | {name: getattr(dr, name) for name in dr.__all__})
    for part in path.split("."):
        node = getattr(node, part)
    assert node not in (None, ())
    with pytest.raises(TypeError) as caught:
        dr.Recipe(**{name: 1})
    assert caught.value.suggestion == f"{path}, in {example}"


@pytest.mark.parametrize("part", ["network", "stopping", "preparation"])
def test_every_field_of_a_part_has_a_suggestion(part):
    for name in vars(getattr(dr.Recipe(), part)):
        assert path_in(ELSEWHERE[name]) == f"{part}.{name}"


def test_options_and_suggestions_have_the_same_paths():
    paths = {option.name: option.path for option in OPTIONS if option.name in ELSEWHERE}
    assert len(paths) >= 15
    assert {name: path_in(ELSEWHERE[name]) for name in paths} == paths


def test_names_of_other_libraries_mean_what_exists():
    assert set(FOREIGN.values()) <= set(ELSEWHERE)
    assert set(FOREIGN_FIELDS.values()) <= set(vars(dr.Recipe()))


@pytest.mark.parametrize(
    ("call", "suggestion"),
    [
        (lambda: dr.Recipe(n_epochs=3), "epochs"),
        (lambda: dr.Recipe(BatchSize=3), "batch_size"),
        (lambda: dr.Recipe().replace(netwrok=dr.Network()), "network"),
        (lambda: dr.Recipe.from_json({"epoch": 3}), "epochs"),
        (lambda: dr.Network(units=3), "hidden"),
        (lambda: dr.Network(optimizer="sgd"), "Recipe(optimizer=...)"),
        (lambda: dr.EarlyStopping(min_delta=0.1), "min_improvement"),
        (lambda: dr.Adam(learning_rat=0.1), "learning_rate"),
        (lambda: dr.L2(strenght=0.1), "strength"),
    ],
)
def test_unknown_fields_are_type_errors_with_a_suggestion(call, suggestion):
    with pytest.raises(TypeError) as caught:
        call()
    assert isinstance(caught.value, dr.errors.RecipeError)
    assert caught.value.suggestion == suggestion


# --- Callbacks ----------------------------------------------------------------------------------------------------


def test_a_function_is_called_after_each_epoch_and_changes_nothing():
    seen = []
    run = dr.train(RECIPE, IRIS, on_epoch=seen.append)
    assert seen == list(run.history)
    assert_array_equal(run.model.theta, dr.train(RECIPE, IRIS).model.theta)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_true_stops_training_with_the_best_weights(engine):
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=30, optimizer=dr.SGD(2.0), seed=1)
    run = dr.train(recipe, IRIS, engine=engine, on_epoch=lambda epoch: np.bool_(epoch.number == 7))
    assert (run.status, len(run.history)) == ("stopped", 7)
    losses = [epoch.validation_loss for epoch in run.history]
    assert run.best_epoch == int(np.argmin(losses)) + 1
    assert dr.evaluate(run.model, IRIS.validation).loss == pytest.approx(min(losses), rel=1e-4)


def test_what_a_callback_raises_or_answers_wrongly_ends_training():
    with pytest.raises(dr.errors.RecipeError, match=r"True to stop training.*got 'yes'"):
        dr.train(RECIPE, IRIS, on_epoch=lambda epoch: "yes")
    with pytest.raises(ZeroDivisionError):
        dr.train(RECIPE, IRIS, on_epoch=lambda epoch: 1 / 0)


def test_a_loop_may_stop_training():
    training = dr.epochs(RECIPE, IRIS)
    for epoch in training:
        if epoch.number == 2:
            training.stop()
    assert (training.run.status, len(training.run.history)) == ("stopped", 2)


# --- Runs ---------------------------------------------------------------------------------------------------------


def test_a_run_evaluates_itself():
    run = dr.train(RECIPE, IRIS)
    found = run.evaluate()
    assert {name: each.samples for name, each in found.items()} == {"train": 120, "validation": 15, "test": 15}
    assert found["test"] == dr.evaluate(run.model, IRIS.test)
    assert run.evaluate(IRIS.test) == {"data": found["test"]}
    assert "validation" in dr.train(RECIPE, X, Y).evaluate()
    assert "The training error" in str(run.diagnose(short=True))
    with pytest.raises(dr.errors.DataError, match="a reference error"):
        run.diagnose(reference_error=7)


def test_a_pickled_run_leaves_the_data_out():
    run = dr.train(RECIPE, IRIS)
    again = pickle.loads(pickle.dumps(run))
    assert again.data is None
    with pytest.raises(dr.errors.DataError, match=r"Try: run.evaluate\(data\)"):
        again.evaluate()
    assert again.evaluate(IRIS) == run.evaluate()
    assert again._repr_html_().count("<polyline") == 4
