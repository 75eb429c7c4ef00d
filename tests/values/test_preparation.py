"""Preparation: learnt on the training part alone, equal to scikit-learn's transformers, and applied to raw rows."""

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import table_of
from deltarule.errors import DataError, ModelError, ModelFileError, RecipeError
from deltarule.models import Encoding
from deltarule.recipes import Preparation
from deltarule.training.columns import fit_encoding

rng = np.random.default_rng(0)
N = 200
NUMBERS = rng.lognormal(size=(N, 2))
NUMBERS[rng.random((N, 2)) < 0.1] = np.nan
WORDS = rng.choice(["red", "green", "blue", "rare"], N, p=[0.4, 0.35, 0.24, 0.01])
TABLE = table_of({"n": NUMBERS[:, 0], "m": NUMBERS[:, 1], "c": WORDS.tolist()})
NEW = rng.lognormal(size=(50, 2)) * 2


@pytest.mark.parametrize("missing", ["median", "mean", "most_frequent"])
@pytest.mark.parametrize("numbers", ["standard", "quantiles", "none"])
def test_numbers_equal_scikit_learn(numbers, missing):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler

    steps = {
        "standard": StandardScaler(),
        "quantiles": QuantileTransformer(n_quantiles=100, output_distribution="normal", subsample=None),
        "none": FunctionTransformer(),
    }
    peer = make_pipeline(SimpleImputer(strategy=missing), steps[numbers]).fit(NUMBERS)
    encoding = fit_encoding(Preparation(numbers=numbers, missing=missing), TABLE.without(["c"]))
    assert encoding.inputs == ("n", "n missing", "m", "m missing")
    for x in (NUMBERS, NEW, np.full((1, 2), np.nan)):
        made = encoding(x)
        np.testing.assert_allclose(made[:, ::2], peer.transform(x), rtol=2e-6, atol=2e-6)
        np.testing.assert_array_equal(made[:, 1::2], np.isnan(x))


@pytest.mark.parametrize("most", [2, 3, 100])
def test_one_hot_equals_scikit_learn(most):
    from sklearn.preprocessing import OneHotEncoder

    handling = "infrequent_if_exist"
    peer = OneHotEncoder(max_categories=most, handle_unknown=handling, sparse_output=False).fit(WORDS[:, None])
    encoding = fit_encoding(Preparation(categories_at_most=most), table_of({"c": WORDS.tolist()}))
    new = np.array(["blue", "violet", "rare", "red"], dtype=object)[:, None]
    np.testing.assert_array_equal(encoding(WORDS[:, None].astype(object)), peer.transform(WORDS[:, None]))
    np.testing.assert_array_equal(encoding(new), peer.transform(new))


def test_ordinal_equals_scikit_learn():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder, StandardScaler

    peer = make_pipeline(OrdinalEncoder(), StandardScaler()).fit(WORDS[:, None])
    encoding = fit_encoding(Preparation(categories="ordinal"), table_of({"c": WORDS.tolist()}))
    made = encoding(WORDS[:, None].astype(object))
    np.testing.assert_allclose(made, peer.transform(WORDS[:, None]), rtol=1e-6)
    assert encoding([{"c": "violet"}, {"c": None}]).tolist() == [[0.0], [0.0]]


def test_missing_and_unseen_values_have_an_answer():
    encoding = fit_encoding(Preparation(), table_of({"a": [1.0, 3.0], "c": ["x", None], "t": [True, False]}))
    assert encoding.inputs == ("a", "c=x", "c=missing", "t")
    assert encoding([{"a": None, "c": "new", "t": None}]).tolist() == [[0, 0, 0, 0]]
    assert encoding([{"a": 3, "c": "?", "t": "true"}]).tolist() == [[1, 0, 1, 1]]
    assert encoding({"t": [True], "other": [object], "c": ["x"], "a": ["1"]} | {"other": [5]}).tolist() == [
        [-1, 1, 0, 1]
    ]


def test_raw_rows_in_every_form():
    encoding = fit_encoding(Preparation(), table_of({"a": [1.0, 3.0, 5.0], "c": ["1", "2", "u"]}))
    rows = [{"a": 3, "c": "2"}, {"a": 5, "c": "u"}]
    expected = encoding(rows)
    forms = [{"a": [3, 5], "c": ["2", "u"]}, [[3, "2"], [5, "u"]], np.array([[3, "2"], [5, "u"]], dtype=object)]
    for name in ("pandas", "polars"):
        try:
            forms.append(__import__(name).DataFrame({"c": ["2", "u"], "a": [3, 5]}))
        except ImportError:
            continue
    for form in forms:
        np.testing.assert_array_equal(encoding(form), expected)
    assert encoding(np.array([[3, 2]])).tolist() == expected[:1].tolist()
    with pytest.raises(ModelError, match="the column c, got a table of a"):
        encoding([{"a": 1}])
    with pytest.raises(DataError, match="numbers for a, got 'much' in row 1"):
        encoding([{"a": "much", "c": "1"}])
    with pytest.raises(DataError, match="2 columns: a, c"):
        encoding([[1, 2, 3]])
    with pytest.raises(ModelError, match="float32"):
        encoding([{"a": 1e60, "c": "1"}])


@pytest.fixture(scope="module")
def people():
    rows = [{"age": 20 + i % 50, "sex": "FM"[i % 2], "pay": "high" if i % 50 > 25 else "low"} for i in range(400)]
    return dr.load_dataset(rows, target="pay", split=dr.Split(seed=1))


@pytest.fixture
def recipe():
    return dr.Recipe(network=dr.Network(hidden=(8,)), epochs=5, stopping=None)


@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
def test_a_model_takes_raw_rows(people, recipe, tmp_path):
    run = dr.train(recipe, people)
    model = run.model
    assert model.encoding.target == "pay"
    assert model.feature_names == model.encoding.inputs == ("age", "sex=F", "sex=M")
    rows = [{"age": 60, "sex": "M"}, {"age": 22, "sex": "F"}]
    assert model.predict(rows).tolist() == ["high", "low"]
    assert dr.evaluate(model, people.test).score == model.score(people.test.x, people.test.y)
    loaded = dr.load_model(model.save(tmp_path / "m.safetensors"))
    assert loaded.encoding == model.encoding
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    with pytest.raises(ModelError, match="one of a table"):
        model.save(tmp_path / "m.json")
    reference = dr.train(recipe, people, engine="reference").model
    np.testing.assert_allclose(reference.predict_proba(rows), model.predict_proba(rows), rtol=1e-4)


@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
def test_it_is_learnt_on_the_rows_of_train_alone(people, recipe):
    ages = people.train.x.column("age").values
    young = np.flatnonzero(ages < 60)
    (whole, part) = dr.train_many([recipe] * 2, people, rows=[None, young])
    shift = {"whole": whole.model.encoding.columns[0].shift, "part": part.model.encoding.columns[0].shift}
    assert shift["whole"] == pytest.approx(ages.mean())
    assert shift["part"] == pytest.approx(ages[young].mean())
    assert whole.model.theta.tolist() == dr.train(recipe, people).model.theta.tolist()


def test_train_many_learns_anew_of_every_training_part(recipe):
    """Another seed holds out other samples: their preparation and scaling are their own."""
    rows = [{"age": i * i, "pay": i % 2} for i in range(60)]
    data = dr.load_dataset(rows, target="pay", split="official")
    recipes = [recipe.replace(seed=seed, stopping=dr.EarlyStopping()) for seed in (0, 1)]
    for run, each in zip(dr.train_many(recipes, data), recipes, strict=True):
        assert run.model.encoding == dr.train(each, data).model.encoding
    arrays = dr.Dataset(train=(np.arange(60.0)[:, None] ** 2, np.arange(60) % 2))
    for run, each in zip(dr.train_many(recipes, arrays), recipes, strict=True):
        assert run.model.scaling.shift == dr.train(each, arrays).model.scaling.shift


def test_a_recipe_says_how():
    recipe = dr.Recipe(preparation={"numbers": "quantiles"})
    assert dr.Recipe.from_json(json.dumps(recipe.to_json())) == recipe
    assert recipe.preparation == Preparation("quantiles")
    for bad in ({"numbers": "big"}, {"number": "standard"}, "standard", {"categories_at_most": 1}):
        with pytest.raises(RecipeError):
            dr.Recipe(preparation=bad)


def bad_records():
    encoding = fit_encoding(Preparation("quantiles"), TABLE)
    for change in (
        {"columns": []},
        {"target": 5},
        {"more": 1},
        {"columns": [{"kind": "category", "name": "c", "categories": ["a", "a"]}]},
    ):
        yield encoding.to_json() | change
    first, *others = encoding.to_json()["columns"]
    for change in (
        {"fill": "1"},
        {"factor": None},
        {"quantiles": [2.0, 1.0]},
        {"kind": "text"},
        {"name": "m"},
        {"flag": 1},
        {"code": "x"},
        {"words": ["a"]},
    ):
        yield {"columns": [first | change, *others], "target": None}


@pytest.mark.parametrize("record", [*bad_records()])
def test_a_record_that_cannot_be_meant_is_refused(record):
    with pytest.raises((ModelError, TypeError)):
        Encoding.from_json(json.loads(json.dumps(record)))


@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
def test_a_model_file_with_another_record_is_refused(people, recipe, tmp_path):
    path = dr.train(recipe, people).model.save(tmp_path / "m.safetensors")
    content = path.read_bytes()
    for before, after in ((b'M\\\\\\"', b'F\\\\\\"'), (b'\\"age\\"', b'\\"sex\\"')):
        changed = content.replace(before, after)
        if changed == content:
            continue
        path.write_bytes(changed)
        with pytest.raises(ModelFileError):
            dr.load_model(path)
