"""Tables: what columns are taken for, from files and from data frames alike; and what becomes of them in a data set."""

import datetime as dt
import gzip
import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import Column, Table, table_of
from deltarule.data.delimited import read_delimited, read_json_lines
from deltarule.data.kinds import date_number
from deltarule.data.table import Expected, checked_kinds
from deltarule.errors import DataError, DataFileError, DataWarning

HEAD = "age,sex,born,member,name,none,zip\n"
ROWS = [
    f"{20 + i},{'FM'[i % 2]},2001-02-{1 + i % 28:02},{['no', 'yes'][i % 2]},person {i},,0{i % 5}12" for i in range(60)
]
KINDS = ["number", "category", "date", "boolean", "text", "empty", "number"]


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(HEAD + "\n".join(ROWS) + "\n")
    return path


def test_kinds_are_told_by_the_values(people):
    table = read_delimited(people)
    assert list(table.kinds.values()) == KINDS
    assert table.column("age").values[:2].tolist() == [20, 21]
    assert table.column("sex").categories == ("F", "M")
    assert table.column("member").categories == ("no", "yes")
    assert table.column("born").values[0] == date_number("2001-02-01") == 11354
    assert [column.name for column in table.usable] == ["age", "sex", "born", "member", "zip"]


def test_kinds_can_be_asked_for(people):
    types = {"zip": "category", "age": "category", "sex": "ignored", "name": "category", "born": "category"}
    table = read_delimited(people, types)
    assert table.column("zip").categories == ("0012", "0112", "0212", "0312", "0412")
    assert table.column("age").categories[0] == "20"
    assert len(table.column("name").categories) == 60
    assert table.column("sex").kind == "ignored"
    with pytest.raises(DataError, match=r"Try: types=\{'age': 'number'\}"):
        table_of({"age": [1]}, {"aeg": "number"})


@pytest.mark.parametrize("word", ["", "?", "NA", "NaN", "null", "None", " ? "])
def test_missing_values(tmp_path, word):
    path = tmp_path / "a.csv"
    path.write_text(f"n,c\n1,x\n{word},{word}\n3,z\n")
    table = read_delimited(path)
    assert [column.missing.tolist() for column in table] == [[False, True, False]] * 2
    assert table.kinds == {"n": "number", "c": "category"}
    assert table.column("c").labels().tolist() == ["x", "", "z"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a;b\n1,5;2\n3,5;4\n", ("a", "b")),
        ("a\tb\n1\t2\n", ("a", "b")),
        ("a|b\n1|2\n", ("a", "b")),
        ("1,2\n3,4\n", ("column 1", "column 2")),
        ('"a, the first","b ""two"""\n1,2\n', ("a, the first", 'b "two"')),
        ("a, b\r\n1, 2\r\n", ("a", "b")),
        ("\ufeffa,b\n1,2", ("a", "b")),
        ('a,b\n"two\nlines",2\n', ("a", "b")),
    ],
)
def test_what_separates_and_what_names(tmp_path, text, names):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    assert read_delimited(path).names == names


def test_semicolons_go_with_decimal_commas(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a;b\n1,5;x, y\n-0,25;z\n")
    table = read_delimited(path)
    assert table.column("a").values.tolist() == [1.5, -0.25]
    assert table.column("b").categories == ("x, y", "z")


def test_a_column_that_only_counts_the_rows_is_no_input(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",b\n0,5\n1,7\n2,9\n")
    assert read_delimited(path).kinds == {"column 1": "ignored", "b": "number"}


def test_encodings_and_compression(people, tmp_path):
    text = people.read_text().replace("F", "é")
    for name, content in {
        "a.csv": text.encode("utf-16"),
        "b.csv": text.encode("utf-8-sig"),
        "c.csv.gz": gzip.compress(text.encode()),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read_delimited(tmp_path / name).column("sex").categories == ("M", "é")


def test_text_that_comes_late_is_read_again(tmp_path):
    path = tmp_path / "late.csv"
    codes = [f"0{i % 7}" for i in range(90_000)]
    path.write_text("code,y\n" + "".join(f"{code},1\n" for code in [*codes, "A1"]))
    table = read_delimited(path)
    assert table.column("code").categories == ("00", "01", "02", "03", "04", "05", "06", "A1")
    assert len(table) == 90_001


def test_json_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"a": 1, "b": "x", "c": True}, {"a": None, "b": "z"}, {"d": 2.5, "b": "x"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    table = read_json_lines(path)
    assert table.kinds == {"a": "number", "b": "category", "c": "boolean", "d": "number"}
    assert table.column("d").values[2] == 2.5


DAY = dt.datetime.fromisoformat("1970-01-02")


def frames():
    columns = {
        "n": [1, 2, 3, 4],
        "f": [0.5, None, 2.5, 3.5],
        "s": ["01", "02", None, "01"],
        "b": [True, False, True, True],
        "d": [DAY, DAY - dt.timedelta(hours=12), None, DAY + dt.timedelta(days=10_000)],
    }
    made = {
        "dict": columns,
        "records": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    }
    for name in ("pandas", "polars"):
        try:
            library = __import__(name)
        except ImportError:
            continue
        made[name] = library.DataFrame(columns)
    try:
        import pyarrow as pa
    except ImportError:
        return made
    return made | {"pyarrow": pa.table(columns)}


@pytest.mark.parametrize("kind", ["dict", "records", "pandas", "polars", "pyarrow"])
def test_data_frames(kind):
    made = frames()
    if kind not in made:
        pytest.skip(f"{kind} is not installed")
    table = table_of(made[kind])
    # Text is read as that of a file is.
    assert list(table.kinds.values()) == ["number", "number", "number", "boolean", "date"]
    assert table.column("n").integer
    assert np.isnan(table.column("f").values[1])
    assert table.column("s").missing.tolist() == [False, False, True, False]
    assert table.column("b").values.tolist() == [1, 0, 1, 1]
    assert table.column("d").values[:2].tolist() == [1, 0.5]
    assert table_of(made[kind], {"s": "category"}).column("s").kind == "category"


def test_arrays_with_names_and_without():
    array = np.array([["1", "a"], ["2", "b"]], dtype=object)
    assert table_of(array).kinds == {"column 1": "number", "column 2": "category"}
    assert table_of(np.eye(2), names=["x", "y"]).names == ("x", "y")
    named = np.array([(1, "a"), (2, "b")], dtype=[("n", int), ("s", "U1")])
    assert table_of(named).kinds == {"n": "number", "s": "category"}
    for bad in (np.zeros(3), np.zeros((0, 2)), 5):
        with pytest.raises(DataError):
            table_of(bad)
    with pytest.raises(DataError, match=r"for a, got .* in row 2"):
        table_of([{"a": 1}, {"a": {}}])
    with pytest.raises(DataError, match="infinity in row 2"):
        table_of(np.array([[1.0], [np.inf]]))


def test_a_column_as_another_kind():
    number = Column("n", "number", np.array([1.0, np.nan, 2.5]))
    assert number.to_kind("category").labels().tolist() == ["1", "", "2.5"]
    assert number.to_kind("category").to_kind("number").values[2] == 2.5
    truth = table_of({"t": ["Yes", "no", None]}).column("t")
    assert truth.to_kind("category").categories == ("Yes", "no")
    assert truth.labels().tolist() == ["Yes", "no", ""]
    days = Column("d", "date", np.array([0.0, 0.5, np.nan]))
    assert days.labels().tolist() == ["1970-01-01", "1970-01-01 12:00:00", ""]
    assert days.to_kind("category").to_kind("date").values[1] == 0.5
    with pytest.raises(DataError, match="'x' in row 2"):
        table_of({"c": ["1", "x"]}, {"c": "category"}).column("c").to_kind("number")


def test_rows_and_joined():
    one = table_of({"c": ["a", "b"], "n": [1, 2]})
    two = table_of({"c": ["c", None], "n": [3, 4]})
    joined = Table.joined([one, two])
    assert joined.column("c").labels().tolist() == ["a", "b", "c", ""]
    assert joined[[3, 0]].column("n").values.tolist() == [4, 1]
    assert joined[np.array([True, False, False, False])].shape == (1, 2)
    assert joined.without(["c"]).names == ("n",)
    with pytest.raises(DataError, match="of one length"):
        Table((one.columns[0], joined.columns[1]))


def test_expected_columns():
    expected = Expected({"a": "number"}, {"y": "category"})
    assert checked_kinds(expected, ["y", "b", "a"]) == {"y": "category", "b": "ignored", "a": "number"}
    with pytest.raises(DataError, match="the column a, got a table of b"):
        checked_kinds(expected, ["b"])


@pytest.mark.filterwarnings("ignore:Left out")
def test_a_target(people, tmp_path):
    data = dr.load_dataset(people, target="sex")
    assert data.target == "sex"
    assert set(data.train.y) == {"F", "M"}
    assert data.train.x.shape[1] == 6
    assert dr.load_dataset(people, target="age").train.y.dtype == np.int64
    assert dr.load_dataset(people, target=-1).target == "zip"
    assert dr.load_dataset(people, target="member").task == "classification"
    with pytest.raises(DataFileError, match="kind 'text'"):
        dr.load_dataset(people, target="name")
    with pytest.raises(DataFileError, match="target='zip'"):
        dr.load_dataset(people)
    with pytest.raises(DataError, match="has its labels already"):
        dr.load_dataset("iris", target="sex")


def test_rows_without_a_target_are_left_out_and_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("n,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)) + "31,?\n32,\n")
    with pytest.warns(DataWarning, match="2 of 32 rows have no y; they are left out, the first is row 31"):
        data = dr.load_dataset(path, target="y")
    assert sum(map(len, data.parts.values())) == 30


def test_parts_take_the_kinds_of_train():
    train = ([{"a": "1", "b": "x"}, {"a": "u", "b": "z"}], [0, 1])
    data = dr.Dataset(train, test=([{"b": "x", "a": 1, "c": 7}], [0]))
    assert data.test.x.kinds == data.train.x.kinds == {"a": "category", "b": "category"}
    assert data.test.x.column("a").labels().tolist() == ["1"]
    with pytest.raises(DataError, match="a table without a"):
        dr.Dataset(train, test=([{"b": "x"}], [0]))


@pytest.mark.parametrize("line", ['"name, first";age;y', '"a;b;c",age,y', '"a\tb\tc\td"|age|y'])
def test_delimiters_within_quotation_marks_are_none(tmp_path, line):
    path = tmp_path / "quoted.csv"
    mark = next(mark for mark in ";,|" if f'"{mark}' in line)
    path.write_text(line + "\n" + "\n".join(mark.join([f"{i}", f"{i}", "ab"[i % 2]]) for i in range(30)))
    assert read_delimited(path).names[1:] == ("age", "y")
