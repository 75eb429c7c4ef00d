"""Numbers and dates in other notations than 1234.5 and 2024-12-31: read where they are clear, explained where not."""

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import table_of
from deltarule.data.files import read_table
from deltarule.errors import DataError, DataFileError, DataWarning

DAY = 19_000  # 2022-01-08


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["$1,844.04", "$12", "-$3.5"], [1844.04, 12, -3.5]),
        (["$1,844", "$2,000"], [1844, 2000]),
        (["€ 1.844", "€ 900"], [1844, 900]),
        (["1.234,5", "12", "7,25"], [1234.5, 12, 7.25]),
        (["1,234,567", "12"], [1234567, 12]),
        (["12%", "3.5 %", "100%"], [12, 3.5, 100]),
        (["1 234,5", "12"], [1234.5, 12]),
        (["1'234.50", "12"], [1234.5, 12]),
        (["1\u00a0234", "12"], [1234, 12]),
        (["5 EUR", "1,5 EUR"], [5, 1.5]),
    ],
)
def test_numbers(words, numbers):
    column = table_of({"a": [*words, None]}).column("a")
    assert column.kind == "number"
    assert column.values[:-1].tolist() == numbers
    assert np.isnan(column.values[-1])


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["08/01/2022", "18/10/2023"], DAY),
        (["01/08/2022", "10/18/2023"], DAY),
        (["8.1.2022", "3.4.2023"], DAY),
        (["08-01-2022", "18-10-2023"], DAY),
        (["2022/01/08", "2023/10/18"], DAY),
        (["08/01/2022 12:00", "18/10/2023 23:59:59"], DAY + 0.5),
        (["4/4/2022", "5/5/2022"], 19_086),
    ],
)
def test_dates(words, first):
    column = table_of({"a": words}).column("a")
    assert column.kind == "date"
    assert column.values[0] == first


@pytest.mark.parametrize(
    "words",
    [
        ["$5", "€5"],
        ["12%", "5"],
        ["1,23,4", "5"],
        ["31/02/2023", "18/10/2023"],
        ["3/4/23", "5/6/23"],
        ["10.0.0.1", "10.0.0.2"],
    ],
)
def test_what_is_not_consistent_stays_text(words):
    assert table_of({"a": words}).column("a").kind == "category"


@pytest.mark.parametrize(
    ("words", "kind", "readings", "values"),
    [
        (["1,234", "5,678"], "number", ("1,234.5", "1.234,5"), (1234, 1.234)),
        (["03/04/2023", "05/06/2023"], "date", ("d/m/y", "m/d/y"), (19_450, 19_420)),
    ],
)
def test_what_is_ambiguous_is_explained_and_can_be_declared(words, kind, readings, values):
    rows = {"a": words * 30, "b": range(60), "y": ["u", "v"] * 30}
    with pytest.warns(DataWarning, match=f"a has {kind}s that can be read as {readings[0]} or {readings[1]}"):
        assert dr.load_dataset(rows, target="y").train.x.column("a").kind == "category"
    with pytest.raises(DataError, match=f"{kind}s in one notation for a, got '{words[0]}'"):
        table_of(rows, {"a": kind})
    for notation, value in zip(readings, values, strict=True):
        assert table_of(rows, {"a": f"{kind}:{notation}"}).column("a").values[0] == value


def test_an_unknown_notation_names_one():
    with pytest.raises(DataError, match=r"the notation .* for a, got 'date:dmy'. Try: types=\{'a': 'date:d/m/y'\}"):
        table_of({"a": ["1/1/2020"]}, {"a": "date:dmy"})


def test_a_comma_is_the_decimal_mark_between_semicolons(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b;c;d\n1,234;1.5;2.000;1,5e2\n5,678;2;1.234,5;2\n")
    table = read_table(path)
    assert [column.values.tolist() for column in table] == [[1.234, 5.678], [1.5, 2], [2000, 1234.5], [150, 2]]


def test_a_model_reads_new_rows_in_the_notation_of_its_training_set(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {"day": f"{1 + i % 28:02}/{1 + i % 12:02}/2023", "cost": f"${1000 + i:,}.50", "y": "uv"[rng.integers(2)]}
        for i in range(80)
    ]
    rng.shuffle(rows)
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(4,)), epochs=2), dr.load_dataset(rows, target="y")).model
    model = dr.load_model(model.save(tmp_path / "m.safetensors"))
    same = [
        {"day": "03/04/2023", "cost": "$1,050.50"},
        {"day": "2023-04-03", "cost": 1050.5},
        {"day": "03/04/2023", "cost": "1050.5"},
    ]
    inputs = np.concatenate([model.encoding([row]) for row in same])
    assert (inputs == inputs[0]).all()
    with pytest.raises(DataError, match="for cost, got '€5'"):
        model.predict([{"day": "03/04/2023", "cost": "€5"}])


def test_an_error_in_a_file_keeps_the_type_that_solves_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,y\n"1,234",u\n"5,678",v\n')
    with pytest.raises(DataFileError) as raised:
        dr.load_dataset(path, target="y", types={"a": "number"})
    assert raised.value.field == "a"
    assert raised.value.types == {"a": "number:1,234.5"}
