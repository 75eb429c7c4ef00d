"""Columns that are warned of before training: left out, ambiguous, identifiers, leaks; and no false alarms."""

import warnings
from time import perf_counter

import numpy as np
import pytest
import sklearn.datasets

import deltarule as dr
from deltarule.data import Column, Table
from deltarule.data.column_warnings import column_warnings
from deltarule.errors import DataWarning

N = 240


def warned(data, target, **options):
    """The warnings of loading a table."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dr.load_dataset(data, target=target, **options)
    assert all(each.category is DataWarning for each in caught)
    return [each.message for each in caught]


@pytest.fixture
def noise():
    rng = np.random.default_rng(1)
    return {
        "a": rng.normal(size=N),
        "b": rng.integers(0, 9, N),
        "y": np.array(["no", "perhaps", "yes"])[rng.integers(0, 3, N)],
    }


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_no_false_alarm_on_the_data_sets_of_the_package(name):
    frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
    for seed in range(10 if len(frame) < 200 else 1):
        assert not [each for each in warned(frame, "target", seed=seed) if each.types]


def test_no_alarm_on_noise(noise):
    assert not warned(noise, "y")


def test_an_identifier_sorted_by_class(noise):
    """Rows in the order of their classes: the identifier alone would give 99 %."""
    noise["y"] = np.sort(noise["y"])
    (warning,) = warned({"id": range(1000, 1000 + N), **noise}, "y")
    assert "identifier" in warning.message
    assert warning.types == {"id": "ignored"}
    assert not warned({"id": range(1000, 1000 + N), **noise}, "y", types=warning.types)


@pytest.mark.parametrize("after", ["word", "number", "gaps"])
def test_a_column_known_only_afterwards(noise, after):
    place = np.searchsorted(["no", "perhaps", "yes"], noise["y"])
    values = {
        "word": np.array([*"uvw"])[place],
        "number": place * 1.5,
        "gaps": np.where(place == 1, np.nan, place * 1.5),
    }
    (warning,) = warned({"after": values[after], **noise}, "y")
    assert warning.message.startswith("Column after alone nearly decides the target")
    assert warning.types == {"after": "ignored"}


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("n", [80, 240, 2000])
def test_a_number_whose_intervals_are_the_classes(classes, n):
    """A grade made of points: at the ends of the intervals, the other half of the rows cannot tell the class."""
    rng = np.random.default_rng(n + classes)
    points = rng.normal(size=n)
    grade = np.digitize(points, np.quantile(points, np.linspace(0, 1, classes + 1)[1:-1]))
    columns = {"a": rng.normal(size=n), "points": points, "b": rng.normal(size=n), "y": [f"g{each}" for each in grade]}
    assert [each.types for each in warned(columns, "y") if each.types] == [{"points": "ignored"}]
    columns["points"] = points + 0.4 * rng.normal(size=n)  # a good column, but no leak
    assert not [each for each in warned(columns, "y") if each.types]


@pytest.mark.parametrize("seed", range(20))
def test_no_false_alarm_on_noise_of_few_rows(seed):
    rng = np.random.default_rng(seed)
    columns = {f"c{i}": rng.normal(size=60) for i in range(40)} | {f"i{i}": rng.integers(0, 5, 60) for i in range(20)}
    rare = np.where(rng.permutation(60) < rng.integers(3, 12), "sick", "well")
    assert not warned({**columns, "y": rare}, "y", split="official")


def test_a_leak_of_a_rare_class():
    rng = np.random.default_rng(0)
    fraud = rng.uniform(size=8000) < 0.0025
    columns = {"amount": rng.exponential(size=8000), "blocked": np.where(fraud, 7.5, 0.25), "y": fraud.astype(int)}
    (warning,) = warned(columns, "y")
    assert warning.types == {"blocked": "ignored"}


@pytest.mark.parametrize("several", [False, True])
def test_a_leak_in_regression(noise, several):
    price = np.random.default_rng(2).exponential(size=N)
    columns = {"a": noise["a"], "gross": 1.19 * price, "net": price, "size": noise["a"] + price}
    (warning,) = warned(columns, ["size", "net"] if several else "net", types={} if several else {"size": "ignored"})
    assert warning.types == {"gross": "ignored"}


def test_a_single_input_or_few_rows_are_not_suspected(noise):
    assert not warned({"x": noise["a"], "y": noise["a"] > 0}, "y")
    assert not warned({"id": range(40), "x": noise["a"][:40], "y": noise["a"][:40] > 0}, "y")


def test_what_is_left_out_is_said(noise):
    extra = {"name": [f"person {i}" for i in range(N)], "nothing": [None] * N}
    (warning,) = warned({**extra, **noise}, "y")
    assert str(warning) == (
        "Left out: name (text, 240 different values), nothing (no values). Try: types={'name': 'category'} to keep it"
    )
    assert not warned({**extra, **noise}, "y", types={"name": "ignored", "nothing": "ignored"})


def test_the_shell_writes_the_option(noise, tmp_path, capsys):
    from deltarule.cli.data_options import load

    path = tmp_path / "t.csv"
    rows = zip(range(N), *noise.values(), strict=True)
    path.write_text("the id,a,b,y\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    load(str(path), target="y", progress=True)
    said = " ".join(capsys.readouterr().err.split())
    assert "Note: Column the id has a different integer" in said
    assert "Try: --type 'the id=ignored' to leave it out" in said


def test_it_takes_no_time():
    """For 100,000 rows and 100 columns; the bound is ten times what it takes."""
    rng = np.random.default_rng(0)
    columns = [Column(f"c{i}", "number", rng.normal(size=100_000), integer=i % 2 == 0) for i in range(100)]
    data = dr.Dataset((Table(tuple(columns)), rng.integers(0, 3, 100_000)))
    began = perf_counter()
    assert len(column_warnings(data)) == 1
    assert perf_counter() - began < 3


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_gives_the_table_of_its_file(library, tmp_path):
    """What pandas or Polars read as text (dates, marks for missing values, yes and no) is read as a file's."""
    module = pytest.importorskip(library)
    lines = ["day,paid,age,member,grade,cost,y"]
    for i in range(120):
        age = "?" if i % 7 == 0 else str(20 + i % 50)
        member, grade = ("yes", "no")[i % 2], "" if i == 5 else str(i % 4)
        lines.append(
            f"2024-{1 + i % 12:02}-{1 + i % 28:02},{13 + i % 9}/{1 + i % 12}/2023,{age},{member},{grade},"
            f'"${i + 1},500.5",{i % 3}'
        )
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    from_frame, from_file = dr.data.table_of(module.read_csv(path)), dr.data.files.read_table(path)
    assert from_file.kinds == from_frame.kinds
    assert list(from_file.kinds.values()) == ["date", "date", "number", "boolean", "number", "number", "number"]
    for one, other in zip(from_file, from_frame, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = {dr.load_dataset(each, target="grade", seed=1).task for each in (path, module.read_csv(path))}
    assert tasks == {"classification"}


def test_the_row_numbers_of_a_frame_are_left_out(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "t.csv"
    pandas.DataFrame({"a": np.arange(60) % 7, "y": ["u", "v"] * 30}).to_csv(path)
    for data in (path, pandas.read_csv(path)):
        with pytest.warns(DataWarning, match="row numbers"):
            made = dr.load_dataset(data, target="y", split=dr.Split(validation=0, test=0))
        assert [column.name for column in made.train.x.usable] == ["a"]
