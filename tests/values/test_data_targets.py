"""The task that a target defines: its declared type, the recipe's task and loss, several targets, several labels."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.multioutput import MultiOutputRegressor

import deltarule as dr
from deltarule.cli.main import app
from deltarule.data import table_of
from deltarule.data.labels import task_of
from deltarule.data.targets import targets_of
from deltarule.errors import DataError, DataWarning, RecipeError
from deltarule.training.evaluating import evaluate

N = 240


@pytest.fixture(scope="module")
def columns():
    """Inputs a, b, c, two numbers of different size, six grades, two labels."""
    a, b, c, noise = np.random.default_rng(0).normal(size=(4, N)).round(4)
    return {
        "a": a,
        "b": b,
        "c": c,
        "near": 2 * a + 1 + noise,
        "far": 100 * (b - noise) - 300,
        "grade": np.clip(2 * (a + noise) + 5, 3, 8).astype(int),
        "first": (a + noise > 0).astype(int),
        "second": np.where(b > noise, "yes", "no"),
    }


@pytest.fixture(scope="module")
def file(columns, tmp_path_factory):
    path = tmp_path_factory.mktemp("targets") / "table.csv"
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def ignoring(*names):
    return dict.fromkeys(names, "ignored")


def task_trained(data, **fields):
    return dr.train(dr.Recipe(network=dr.Network(hidden=(4,)), epochs=1, stopping=None, **fields), data).recipe.task


@pytest.mark.parametrize(
    ("types", "fields", "task"),
    [
        ({}, {}, "classification"),
        ({}, {"loss": "squared_error"}, "regression"),
        ({}, {"loss": "poisson"}, "regression"),
        ({}, {"loss": dr.SquaredError(inverse_link="sigmoid")}, "classification"),
        ({}, {"task": "regression"}, "regression"),
        ({}, {"loss": "squared_error", "class_weight": "balanced"}, "classification"),
        ({}, {"task": "classification", "loss": "squared_error"}, "classification"),
        ({"grade": "number"}, {}, "regression"),
        ({"grade": "number"}, {"task": "regression"}, "regression"),
        ({"grade": "category"}, {}, "classification"),
        ({"grade": "category"}, {"loss": "squared_error"}, "classification"),
    ],
)
def test_declared_type_task_and_loss_decide_the_task(columns, types, fields, task):
    data = dr.load_dataset(columns, target="grade", types=types)
    assert task_trained(data, **fields) == task


@pytest.mark.parametrize(
    ("types", "fields"),
    [
        ({"grade": "number"}, {"task": "classification"}),
        ({"grade": "category"}, {"task": "regression"}),
        ({"grade": "number"}, {"loss": "softmax_cross_entropy"}),
    ],
)
def test_a_type_that_contradicts_the_recipe_is_an_error(columns, types, fields):
    data = dr.load_dataset(columns, target="grade", types=types)
    with pytest.raises(RecipeError) as raised:
        task_trained(data, **fields)
    assert raised.value.field == next(iter(fields))


def test_a_declared_type_leaves_the_split_as_it_is(columns):
    """The samples of the test set are the same, whatever the target is declared to be."""
    free, number = (dr.load_dataset(columns, target="grade", types=types) for types in ({}, {"grade": "number"}))
    assert number.task == "regression"
    assert np.array_equal(free.test.x.column("a").values, number.test.x.column("a").values)


def test_classes_with_names_stay_classes_under_a_squared_error():
    assert task_trained(dr.load_dataset("iris"), loss="squared_error") == "classification"


def test_several_targets_are_no_inputs_and_are_predicted_in_their_own_units(file):
    data = dr.load_dataset(file, target=["near", "far"], types=ignoring("grade", "first", "second"))
    assert data.target == ("near", "far")
    assert data.train.y.shape == (192, 2)
    assert not {"near", "far"} & set(data.train.x.names)
    recipe = dr.Recipe(network=dr.Network(hidden=()), epochs=200, stopping=None, optimizer=dr.Adam(learning_rate=0.02))
    model = dr.train(recipe, data).model
    x = np.stack([data.test.x.column(name).values for name in "abc"], axis=1)
    train = np.stack([data.train.x.column(name).values for name in "abc"], axis=1)
    linear = MultiOutputRegressor(LinearRegression()).fit(train, data.train.y).predict(x)
    assert model.target_names == ("near", "far")
    assert ((model.predict(data.test.x) - linear).std(axis=0) < 0.15 * linear.std(axis=0)).all()


def test_the_names_of_several_targets_are_saved_with_the_model(file, tmp_path):
    data = dr.load_dataset(file, target=["far", "near"], types=ignoring("grade", "first", "second"))
    model = dr.train(dr.Recipe(epochs=2), data).model
    loaded = dr.load_model(model.save(tmp_path / "model.safetensors"))
    assert loaded.target_names == ("far", "near")
    assert np.array_equal(loaded.predict(data.test.x), model.predict(data.test.x))


def test_a_list_of_one_target_gives_one_column(columns):
    data = dr.load_dataset(columns, target=["near"])
    assert data.train.y.shape == (192, 1)
    assert data.task == "regression"


@pytest.mark.parametrize("target", [["grade", "second"], ["near", "second"], ["near", "near"], []])
def test_several_targets_that_cannot_be_predicted_together_say_so(columns, target):
    with pytest.raises(DataError):
        dr.load_dataset(columns | {"second": [*"xyz"] * 80}, target=target)


def test_classes_among_several_targets_name_the_column(columns):
    with pytest.raises(DataError, match="one model for each target of classes") as raised:
        dr.load_dataset(columns | {"colour": [*"rgb"] * 80}, target=["near", "colour"])
    assert raised.value.field == "colour"


def test_rows_that_lack_one_of_several_targets_are_left_out(columns):
    gaps = columns["near"].copy()
    gaps[[3, 5]] = np.nan
    with pytest.warns(DataWarning, match="2 of 240 rows have no near or no far"):
        data = dr.load_dataset(columns | {"near": gaps}, target=["near", "far"])
    assert sum(len(part) for part in data.parts.values()) == N - 2


def test_a_matrix_of_zeros_and_ones_is_several_labels():
    assert task_of([[0, 1], [1, 1]]) == task_of([[True, False]]) == "multilabel"
    assert task_of([[0.0, 1.0]]) == task_of([[0, 2]]) == task_of([[0], [1]]) == "regression"


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_several_labels_are_scored_as_scikit_learn_scores_them(file, engine):
    data = dr.load_dataset(file, target=["first", "second"], types=ignoring("grade", "near", "far"))
    assert data.task == "multilabel"
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=30, stopping=None)
    run = dr.train(recipe, data, engine=engine)
    model, held = run.model, data.validation
    assert (run.recipe.task, run.recipe.loss) == ("multilabel", dr.SigmoidCrossEntropy())
    predicted, chances = model.predict(held.x), model.predict_proba(held.x)
    assert np.array_equal(predicted, (chances > 0.5).astype(int))
    accuracy = accuracy_score(held.y, predicted)
    assert 0.3 < accuracy < 1
    last = run.history[-1]
    assert model.score(held.x, held.y) == accuracy == pytest.approx(last.validation_score, abs=1e-12)
    losses = [log_loss(held.y[:, k], chances[:, k].astype(float)) for k in range(2)]
    assert last.validation_loss == pytest.approx(sum(losses), rel=1e-5)
    found = evaluate(model, held)
    assert found.score == pytest.approx(accuracy, abs=1e-12)
    assert found.sample_scores.tolist() == (predicted == held.y).all(axis=1).tolist()
    assert "Accuracy" in run._repr_html_() or "accuracy" in run._repr_html_()
    assert "2 labels" in model._repr_html_()


def test_the_estimators_model_predicts_labels_too():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3))
    y = (x[:, :2] > 0).astype(int)
    fitted = dr.MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0).fit(x, y)
    model = fitted.to_model()
    assert np.array_equal(model.predict(x), fitted.predict(x))
    assert model.score(x, y) == fitted.score(x, y)


def test_a_task_of_labels_wants_zeros_and_ones():
    x = np.arange(20.0)[:, None]
    with pytest.raises(DataError, match="labels of 0 and 1"):
        task_trained(dr.Dataset(train=(x, np.stack([x[:, 0], x[:, 0]], axis=1))), task="multilabel")
    with pytest.raises(RecipeError, match="several labels"):
        task_trained(dr.Dataset(train=(x, np.eye(2, dtype=int)[[0, 1] * 10])), loss="softmax_cross_entropy")


def test_boolean_columns_become_integers(columns):
    table = table_of(columns)
    y = targets_of([table.column("first"), table.column("second")], several=True)
    assert y.dtype == np.int64
    assert np.array_equal(y[:, 1], columns["second"] == "yes")


def test_the_shell_takes_several_targets_and_a_task(file, tmp_path, capsys):
    def shell(*arguments):
        with pytest.raises(SystemExit) as ended:
            app([*map(str, arguments)])
        assert not ended.value.code
        return capsys.readouterr()

    left_out = [f"--type={name}=ignored" for name in ("grade", "first", "second")]
    shell("train", file, "--target", "near", "--target", "far", *left_out, "--epochs", 2, "--out", tmp_path / "two")
    shown = shell("predict", tmp_path / "two", file)
    assert shown.out.splitlines()[0] == "near\tfar"
    assert len(shown.out.splitlines()) == N + 1
    assert "R² " in shown.err
    table = json.loads(shell("predict", tmp_path / "two", file, "--part", "test", "--json").out)
    assert table["targets"] == ["near", "far"]
    assert len(table["predictions"][0]) == 2

    left_out = [f"--type={name}=ignored" for name in ("grade", "near", "far")]
    shell("train", file, "--target", "first", "--target", "second", *left_out, "--epochs", 2, "--out", tmp_path / "b")
    assert shell("predict", tmp_path / "b", file, "--proba").out.startswith("first\tsecond\n0.")

    short = ["--epochs", 1, "--json", "--quiet", "--task", "auto", "--out", tmp_path / "c"]
    assert "test_r2" in json.loads(shell("train", file, "--target", "grade", "--type", "grade=number", *short).out)
