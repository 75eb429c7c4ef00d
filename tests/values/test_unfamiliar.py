"""Rows that a model was trained on nothing like: a note for each column, and an error where asked for."""

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError, DataWarning

LABELS = np.random.default_rng(0).integers(0, 2, 90)
ROWS = [
    {
        "age": 17 + i % 60,
        "city": ["Rome", "Oslo", "Bern"][i % 3],
        "joined": f"2023-{1 + i % 12:02}-05",
        "y": "uv"[LABELS[i]],
    }
    for i in range(90)
]
GOOD = [{key: value for key, value in row.items() if key != "y"} for row in ROWS[:4]]


@pytest.fixture(scope="module")
def model():
    data = dr.load_dataset(ROWS, target="y", split="official")
    return dr.train(dr.Recipe(network=dr.Network(hidden=(4,)), epochs=2, stopping=None), data).model


def changed(**values):
    return [*GOOD, GOOD[0] | values, GOOD[1] | values]


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (
            {"age": 10_000},
            "Column age: a value far out of the training range, 17 to 76, in 2 of 6 rows, the first is row 5.",
        ),
        ({"age": -100}, "Column age: a value far out of the training range, 17 to 76, in 2 of 6 rows"),
        ({"age": None}, "Column age: a missing value, as the training set has none, in 2 of 6 rows"),
        ({"city": "Atlantis"}, "Column city: an unseen category, for example 'Atlantis', in 2 of 6 rows"),
        ({"city": None}, "Column city: a missing value, as the training set has none, in 2 of 6 rows"),
        (
            {"joined": "1970-01-01"},
            "Column joined: a value far out of the training range, 2023-01-05 to 2023-12-05, in 2",
        ),
    ],
)
def test_one_note_for_a_column(model, values, note):
    for predict in (model.predict, model.predict_proba):
        with pytest.warns(DataWarning) as caught:
            predict(changed(**values))
        assert [str(each.message).startswith(note) for each in caught] == [True]
        with pytest.raises(DataError, match="values like those of the training set") as raised:
            predict(changed(**values), strict=True)
        assert raised.value.field == next(iter(values))
        predict(changed(**values), strict=None)


def test_no_note_on_familiar_rows(model):
    assert len(model.predict(GOOD, strict=True)) == 4
    assert len(model.predict([GOOD[0] | {"age": 100, "joined": "2024-06-01"}], strict=True)) == 1


def test_it_is_saved_with_the_model(model, tmp_path):
    loaded = dr.load_model(model.save(tmp_path / "m.safetensors"))
    with pytest.warns(DataWarning, match="age: a value far"):
        loaded.predict(changed(age=10_000))


def test_rare_categories_of_the_training_set_are_no_unseen_ones():
    rows = [{"c": f"c{min(i // 3, 40)}", "x": i % 7, "y": "uv"[i % 2]} for i in range(240)]
    recipe = dr.Recipe(preparation=dr.Preparation(categories_at_most=5), epochs=1, stopping=None)
    model = dr.train(recipe, dr.load_dataset(rows, target="y", split="official", types={"c": "category"})).model
    assert model.encoding.columns[0].rare
    model.predict([{"c": "c3", "x": 1}], strict=True)
    with pytest.raises(DataError, match="unseen category, for example 'c99'"):
        model.predict([{"c": "c99", "x": 1}], strict=True)


def test_models_of_earlier_versions_have_no_ranges(model):
    data = json.loads(json.dumps(model.encoding.to_json()))
    for column in data["columns"]:
        for field in ("bounds", "others", "notation"):
            column.pop(field, None)
    earlier = type(model.encoding).from_json(data)
    table = earlier.table(changed(age=10_000))
    assert earlier.unfamiliar(table) == []
    assert np.array_equal(earlier(table), model.encoding(table))


def test_the_shell(model, tmp_path, capsys):
    from deltarule.cli.main import app

    model.save(tmp_path / "m.safetensors")
    lines = ["age,city,joined", "30,Rome,2023-05-05", "10000,Atlantis,2023-05-05", "31,Oslo,2023-05-05"]
    (tmp_path / "new.csv").write_text("\n".join(lines) + "\n")
    arguments = ["predict", str(tmp_path / "m.safetensors"), str(tmp_path / "new.csv"), "--proba"]
    for strict in ([], ["--strict"]):
        with pytest.raises(SystemExit) as ended:
            app([*arguments, *strict])
        shown = capsys.readouterr()
        said = " ".join(shown.err.split())
        if strict:
            assert ended.value.code
            assert "values like those of the training set for age" in said
        else:
            assert not ended.value.code
            assert len(shown.out.splitlines()) == 4
            assert said.count("Note: Column age: a value far out of the training range, 17 to 76, in 1 of 3 rows") == 1
            assert said.count("Note: Column city: an unseen category, for example 'Atlantis', in 1 of 3 rows") == 1
