"""Robust scaling with smooth clipping, signed categories, and the preprocessing of arrays, after RealMLP."""

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import table_of
from deltarule.errors import ModelError, RecipeError
from deltarule.models import CategoryEncoding, Encoding, NumberEncoding
from deltarule.recipes import Preparation
from deltarule.training.columns import fit_encoding

REALMLP = Preparation(numbers="robust", categories="signed", missing="mean", robust_categories=True, arrays=True)
rng = np.random.default_rng(3)
N = 300
NUMBERS = np.stack([rng.normal(5, 2, N), rng.lognormal(size=N), np.where(rng.random(N) < 0.9, 0.0, 7.0)], axis=1)
NUMBERS = np.column_stack([NUMBERS, np.full(N, 4.0)])
"""A normal column, one with a long tail, one whose quartiles are equal, a constant one."""


def by_the_book(train, x):
    """The equations of the paper's appendix, column by column."""
    columns = []
    for known, new in zip(train.T, x.T, strict=True):
        low, high = np.percentile(known, 25), np.percentile(known, 75)
        if high != low:
            s = 1 / (high - low)
        elif known.max() != known.min():
            s = 2 / (known.max() - known.min())
        else:
            s = 0.0
        u = s * (new - np.median(known))
        columns.append(u / np.sqrt(1 + (u / 3) ** 2))
    return np.stack(columns, axis=1)


def test_numbers_follow_the_equations():
    encoding = fit_encoding(Preparation(numbers="robust"), table_of(NUMBERS, names=list("abcd")))
    new = rng.normal(0, 50, (40, 4))
    np.testing.assert_allclose(encoding(new), by_the_book(NUMBERS, new), rtol=1e-6, atol=1e-6)
    assert np.abs(encoding(np.array([[1e300, -1e300, 1e-300, 0.0]]))).max() <= 3.0
    assert encoding(np.full((1, 4), 1e9))[0, 3] == 0.0  # a constant column tells nothing


def test_categories_have_signs_and_missing_ones_none():
    words = {"two": ["b", "a", None, "b"], "three": ["x", "y", "z", None], "one": ["k", None, "k", "k"]}
    encoding = fit_encoding(Preparation(categories="signed"), table_of(words))
    assert encoding.inputs == ("two", "three=x", "three=y", "three=z", "one")
    known = encoding(table_of(words))
    assert known[:, 0].tolist() == [-1, 1, 0, -1]
    assert known[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert known[:, 4].tolist() == [1, -1, 1, 1]
    assert encoding([{"two": "c", "three": "w", "one": "m"}]).tolist() == [[0, 0, 0, 0, -1]]
    missing = encoding.table([{"two": None, "three": None, "one": None}])
    assert encoding.unfamiliar(missing) == []  # the training set had missing values in all three


def test_the_inputs_of_categories_are_scaled_like_numbers():
    words = rng.choice(["often", "seldom", "never", None], N, p=[0.6, 0.2, 0.15, 0.05]).tolist()
    flags = rng.choice(["yes!", "no!"], N, p=[0.3, 0.7]).tolist()
    numbers = np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N))
    rows = {"n": numbers.tolist(), "words": words, "flags": flags}
    made = fit_encoding(REALMLP, table_of(rows))
    plain = fit_encoding(Preparation("none", "signed", "mean"), table_of(rows))
    assert made.inputs == plain.inputs == ("n", "n missing", "words=never", "words=often", "words=seldom", "flags")
    raw = plain(table_of(rows)).astype(np.float64)
    np.testing.assert_allclose(made(table_of(rows)), by_the_book(raw, raw), rtol=1e-5, atol=1e-6)
    assert made.network_columns == plain.network_columns
    assert made.network_columns.numbers == (0,)


def test_it_is_stored_and_old_files_stay_as_they_were():
    table = table_of({"n": [1.0, None, 3.0, 8.0], "c": ["a", "b", None, "a"], "d": ["x", "y", "z", "x"]})
    for preparation in (REALMLP, Preparation("robust"), Preparation(categories="signed"), Preparation()):
        encoding = fit_encoding(preparation, table)
        text = json.dumps(encoding.to_json())
        assert Encoding.from_json(json.loads(text)) == encoding
        assert Preparation.of(json.loads(json.dumps(preparation.to_json()))) == preparation
    assert set(Preparation().to_json()) == {"numbers", "categories", "missing", "categories_at_most"}
    number, category, *_ = fit_encoding(Preparation(), table).to_json()["columns"]
    assert not {"clip", "flag_scale", "signed", "zero_missing", "shifts", "factors"} & {*number, *category}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: NumberEncoding("n", clip=-1.0),
        lambda: NumberEncoding("n", flag_scale=(1.0,)),
        lambda: NumberEncoding("n", clip=float("nan")),
        lambda: CategoryEncoding("c", ("a", "b", "c"), signed=True),
        lambda: CategoryEncoding("c", ("a", "b"), shifts=(1.0,), factors=(1.0, 2.0)),
        lambda: CategoryEncoding("c", ("a", "b"), shifts=(1.0,), factors=(1.0,)),
    ],
)
def test_invalid_records_are_refused(wrong):
    with pytest.raises(ModelError):
        wrong()


@pytest.mark.parametrize("fields", [{"numbers": "standard"}, {"numbers": "robust", "categories": "ordinal"}])
def test_robust_categories_need_robust_numbers(fields):
    with pytest.raises(RecipeError, match="for robust_categories, got numbers="):
        Preparation(**fields, robust_categories=True)


def test_arrays_are_preprocessed_on_request(tmp_path):
    x, y = NUMBERS.astype(np.float32), NUMBERS[:, 0] + NUMBERS[:, 1]
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=3, stopping=None, preparation=REALMLP)
    model = dr.train(recipe, x, y).model
    assert model.encoding.inputs == ("x0", "x1", "x2", "x3")
    np.testing.assert_allclose(model.encoding(x), by_the_book(x, x), rtol=1e-5, atol=1e-6)
    again = dr.load_model(model.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    reference = dr.train(recipe, x, y, engine="reference").model
    np.testing.assert_allclose(reference.predict(x), model.predict(x), rtol=1e-4, atol=1e-4)
    named = dr.Dataset(train=(x, y), feature_names=["first", "second", "third", "fourth"])
    assert dr.train(recipe, named).model.feature_names == named.feature_names
    scaled = dr.train(recipe.replace(preparation=Preparation()), x, y).model
    assert scaled.encoding is None


def test_it_is_fitted_to_the_rows_of_training_alone():
    x, y = NUMBERS, NUMBERS[:, 0]
    recipe = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=1, stopping=None, preparation=REALMLP)
    first, second = dr.train_many([recipe] * 2, (x, y), rows=[np.arange(100), np.arange(100, N)])
    for run, rows in ((first, x[:100]), (second, x[100:])):
        assert run.model.encoding.columns[0].shift == np.median(rows[:, 0])
