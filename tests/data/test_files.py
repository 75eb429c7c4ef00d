"""One's own files and folders into data sets; splits by group and by time; what is doubtful in them; mapped files."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule import mapped
from deltarule.data import fold_rows, folds
from deltarule.data.leaks import leaks
from deltarule.data.openml import load_openml
from deltarule.errors import DataError, DataFileError, DataWarning
from deltarule.formulas.random import permutation_by_stretches
from deltarule.mapped import forget, is_mapped

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "tabular"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not at ../shared/data")

TASKS = {
    "adult_train": ("income", 14, "classification", 32_561),
    "winequality_red": ("quality", 11, "classification", 1_599),
    "winequality_white": ("quality", 11, "classification", 4_898),
    "abalone": ("rings", 8, "regression", 4_177),
    "banknote_authentication": ("class", 4, "classification", 1_372),
}


@needs_real
@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
@pytest.mark.parametrize("name", TASKS)
def test_real_tables(name):
    target, columns, task, rows = TASKS[name]
    data = dr.load_dataset(REAL / f"{name}.csv", target=target)
    assert data.train.x.shape[1] == len(data.train.x.usable) == columns
    assert data.task == task
    assert sum(map(len, data.parts.values())) == rows


def images(folder, mode="L", size=(6, 5), classes=("cat", "dog"), count=10):
    from PIL import Image

    for shade, label in enumerate(classes):
        (folder / label).mkdir(parents=True)
        for place in range(count):
            Image.new(mode, size, shade * 100 + place if mode == "L" else (shade * 100, place, 7)).save(
                folder / label / f"{place}.png"
            )
    return folder


def test_folders_of_images(tmp_path):
    data = dr.load_dataset(images(tmp_path / "pets"), split="official")
    assert data.train.x.shape == (20, 5, 6)
    assert data.train.x.dtype == np.uint8
    assert data.train.x[:, 0, 0].tolist() == [*range(10), *range(100, 110)]
    assert data.train.y.tolist() == ["cat"] * 10 + ["dog"] * 10
    assert dr.load_dataset(tmp_path / "pets", image_size=(3, 4), split="official").train.x.shape == (20, 3, 4)
    data = dr.load_dataset(images(tmp_path / "colour", "RGB"), split="official")
    assert data.train.x.shape == (20, 5, 6, 3)
    assert data.train.x[12, 0, 0].tolist() == [100, 2, 7]
    for part in ("train", "val", "test"):
        images(tmp_path / "parts" / part)
    data = dr.load_dataset(tmp_path / "parts")
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 20, "validation": 20, "test": 20}


def test_arrays_in_files(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:8] + 1, y_test=y[:8])
    data = dr.load_dataset(tmp_path / "a.npz")
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 32, "validation": 8, "test": 8}
    np.savez_compressed(tmp_path / "b.npz", X=np.asfortranarray(x), y=y[:, None])
    np.testing.assert_array_equal(dr.load_dataset(tmp_path / "b.npz", split="official").train.x, x)
    np.save(tmp_path / "c.npy", np.column_stack([x, y]))
    data = dr.load_dataset(tmp_path / "c.npy", target=-1, types={"column 4": "category"})
    assert (data.target, data.task) == ("column 4", "classification")
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "x.npy", x)
    np.save(tmp_path / "folder" / "y.npy", np.array(["no", "yes"])[y])
    data = dr.load_dataset(tmp_path / "folder")
    assert repr(data) == "Dataset('folder': 32 train, 4 validation, 4 test; x 3 float64; 2 classes)"


def test_what_is_no_data_at_all():
    with pytest.raises(DataError, match="split\\(x, y\\) for arrays"):
        dr.load_dataset(np.eye(2))
    with pytest.raises(DataError, match="a folder of images"):
        dr.load_dataset("iris", image_size=(2, 2))


def test_openml_that_cannot_be_reached(monkeypatch, tmp_path):
    pytest.importorskip("pandas")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(DataFileError, match=r"'no-such-set' of openml.org"):
        load_openml("openml:no-such-set@1")
    with pytest.raises(DataFileError, match=r"'no-such-set' of openml.org"):
        dr.load_dataset("openml:no-such-set", target="class")
    with pytest.raises(DataFileError, match=r"name of a data set of openml.org, got 'openml:'. Try: openml:credit-g"):
        dr.load_dataset("openml:")


def visits():
    rng = np.random.default_rng(1)
    patients = rng.integers(0, 25, 300)
    days = [f"2024-{1 + day // 28 % 12:02}-{1 + day % 28:02}" for day in rng.permutation(300)]
    return {
        "patient": [f"p{each}" for each in patients],
        "day": days,
        "x": rng.normal(size=300),
        "y": rng.normal(size=300),
    }


def test_groups_stay_together():
    data = dr.load_dataset(visits(), target="y", split=dr.Split(validation=0.2, test=0.2, group_by="patient"))
    assert data.train.x.names == ("day", "x")
    sizes = [len(part) for part in data.parts.values()]
    assert sum(sizes) == 300
    assert all(abs(size - wanted) <= 20 for size, wanted in zip(sizes, (180, 60, 60), strict=True))
    of = dict(zip(visits()["x"], visits()["patient"], strict=True))
    patients = [{of[value] for value in part.x.column("x").values} for part in data.parts.values()]
    assert len(set.union(*patients)) == sum(map(len, patients)) == 25


def test_the_latest_are_tested_with():
    data = dr.load_dataset(visits(), target="y", split=dr.Split(order_by="day"))
    assert data.train.x.names == ("patient", "x")
    of = dict(zip(visits()["x"], visits()["day"], strict=True))
    train, validation, test = ([of[value] for value in part.x.column("x").values] for part in data.parts.values())
    assert max(train) <= min(validation)
    assert max(validation) <= min(test)


def test_groups_and_times_of_arrays():
    x, y, groups = np.arange(60.0)[:, None], np.arange(60.0), np.repeat(np.arange(12), 5)
    data = dr.split(x, y, dr.Split(validation=0.25, test=0.25), groups=groups)
    assert [len(part) for part in data.parts.values()] == [30, 15, 15]
    assert all(len(np.unique(part.y // 5)) * 5 == len(part) for part in data.parts.values())
    data = dr.split(x, y, dr.Split(validation=10, test=10), times=-y)
    assert data.test.y.tolist() == list(range(9, -1, -1))
    for arguments, words in (
        ({"groups": groups[:5]}, "shape"),
        ({"times": np.full(60, np.nan)}, "finite times"),
        ({"groups": np.zeros(60)}, "at least 3 groups"),
        ({"split": dr.Split(group_by="g")}, "a table for group_by"),
    ):
        with pytest.raises(DataError, match=words):
            dr.split(x, y, **arguments)
    with pytest.raises(DataError, match="group_by or order_by"):
        dr.Split(group_by="a", order_by="b")


def test_folds():
    y = np.array(["a"] * 40 + ["b"] * 10)
    data = dr.Dataset((np.arange(50.0)[:, None], y), test=([[0.0]], ["a"]))
    made = list(folds(data, 5, seed=3))
    assert sorted(value for each in made for value in each.validation.x.ravel()) == list(range(50))
    for each in made:
        assert (each.validation.y == "b").sum() == 2
        assert not set(each.validation.x.ravel()) & set(each.train.x.ravel())
        assert each.test is data.test
    groups = np.arange(50) // 5
    for held in fold_rows(y, 5, groups=groups):
        assert len(np.unique(groups[held])) * 5 == len(held) == 10
    assert [len(held) for held in fold_rows(np.arange(50.0), 7)] == [8, 7, 7, 7, 7, 7, 7]
    for k in (1, 51, 2.5):
        with pytest.raises(DataError, match="a number of folds"):
            fold_rows(y, k)


def test_samples_in_two_parts_are_counted():
    x = [{"a": place % 7, "c": "xyz"[place % 3]} for place in range(50)]
    data = dr.Dataset((x[:30], list(range(30))), test=([*x[:2], {"a": 99, "c": "x"}], [0, 1, 2]))
    assert leaks(data) == ["2 of 3 test samples are also training samples."]
    arrays = dr.Dataset((np.eye(3), [0, 1, 0]), test=(np.eye(3)[:1], [1]))
    assert len(leaks(arrays)) == 2
    with pytest.warns(DataWarning, match="also training samples"):
        dr.load_dataset([row | {"y": place % 2} for place, row in enumerate(x)], target="y")


def test_a_class_that_a_part_lacks_is_said():
    rows = [{"a": place * 1.5, "y": "rare" if place == 0 else "often"} for place in range(60)]
    with pytest.warns(DataWarning, match="set has no sample of class 'rare'"):
        dr.load_dataset(rows, target="y")


def big(folder, n=4000, d=50):
    rng = np.random.default_rng(0)
    y = np.arange(n) * 4 // n  # sorted by class, the worst that a file can be
    np.save(folder / "x.npy", (rng.normal(size=(n, d)) + 6 * np.eye(d)[y]).astype(np.float32))
    np.save(folder / "y.npy", y)
    return folder


def test_stretches_are_shuffled_among_each_other():
    order = permutation_by_stretches(5, 2, 1003, 10, 8)
    assert sorted(order.tolist()) == list(range(1003))
    assert all(len({place // 10 for place in order[start : start + 80].tolist()}) <= 9 for start in range(0, 1003, 80))
    assert (np.diff(order) != 1).mean() > 0.9
    assert order.tolist() == permutation_by_stretches(5, 2, 1003, 10, 8).tolist()
    assert order.tolist() != permutation_by_stretches(5, 3, 1003, 10, 8).tolist()


def test_a_mapped_file_trains_as_the_same_batches_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "_READ", 20_000)
    monkeypatch.setattr(mapped, "MAPPED_FROM", 0)
    big(tmp_path)
    x, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy")
    network = dr.Network(hidden=(8,))
    recipe = dr.Recipe(network=network, optimizer=dr.Adam(learning_rate=0.01), epochs=3, stopping=None)
    data = dr.Dataset((x, y))
    assert is_mapped(data.train.x)
    run = dr.train(recipe, data)
    batches = [
        np.split(order, range(32, 4000, 32))
        for order in (permutation_by_stretches(0, epoch, 4000, 100, 33554432 * 2 // 20_000) for epoch in range(3))
    ]
    same = dr.train(recipe, dr.Dataset((np.array(x), y)), batches=batches)
    assert run.model.theta.tolist() == same.model.theta.tolist()
    assert run.history[-1].train_score > 0.9
    assert run.model.score(x, y) == run.model.score(np.array(x), y)
    reference = dr.train(recipe, data, engine="reference")
    np.testing.assert_allclose(reference.model.theta, run.model.theta, rtol=1e-3, atol=1e-4)


def test_a_small_mapped_file_trains_as_in_memory(tmp_path):
    """joblib maps what it hands to other processes."""
    big(tmp_path)
    x, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy")
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=2, stopping=None)
    mapped_run, in_memory = (dr.train(recipe, dr.Dataset((each, y))) for each in (x, np.array(x)))
    assert mapped_run.model.theta.tobytes() == in_memory.model.theta.tobytes()


def test_what_is_forgotten_is_read_again(tmp_path):
    big(tmp_path)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    copy = np.array(x)
    for view in (x, x[100:300], x[5], x[:, 3], x[::-1], x[0:0], copy):
        forget(view)
    np.testing.assert_array_equal(x, copy)
    changed = np.load(tmp_path / "x.npy", mmap_mode="c")
    changed[:] = 7
    forget(changed)
    assert (changed == 7).all()
    assert not is_mapped(changed)


PROGRAM = """
import resource, sys
import deltarule as dr
from deltarule import mapped
mapped.MAPPED_FROM, mapped.TOGETHER = 1 << 20, 1 << 24
import deltarule.engines.problem, deltarule.engines.compiled.runtime.engine
for module in (deltarule.engines.problem, deltarule.engines.compiled.runtime.engine):
    module.TOGETHER = 1 << 24
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=1, stopping=None, batch_size=128)
dr.train(recipe, dr.load_dataset("digits"))
before = peak()
data = dr.load_dataset(sys.argv[1])
run = dr.train(recipe, data)
dr.evaluate(run.model, data.train)
print(peak() - before, data.train.x.nbytes >> 20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is in other units elsewhere")
def test_a_large_file_takes_little_memory(tmp_path):
    rows, columns = 100_000, 1000
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (rows, columns))
    x[:] = np.random.default_rng(0).normal(size=columns)
    x[:, 0] = np.arange(rows)
    del x
    np.save(tmp_path / "y.npy", np.arange(rows) % 2)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, size = map(int, done.stdout.split())
    assert size > 300
    assert grown < 180, f"{grown} MiB more for a file of {size} MiB"


@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
def test_a_large_parquet_file_stays_on_the_disk(tmp_path, monkeypatch):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    n, rng = 150_000, np.random.default_rng(0)
    number, word = rng.normal(size=n), rng.integers(0, 3, n)
    columns = {
        "n": np.where(number > 2, np.nan, number),
        "c": np.array(["red", "green", None], dtype=object)[word],
        "name": [f"person {place}" for place in range(n)],
        "b": number > 0,
        "day": [f"2024-{1 + place % 12:02}-{1 + place % 28:02} 10:{place % 60:02}" for place in range(n)],
        "y": np.array(["no", "yes"])[(number + word > 1).astype(int)],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "a.parquet", row_group_size=40_000)
    small = dr.load_dataset(tmp_path / "a.parquet", target="y", split=dr.Split(shuffled=False))
    monkeypatch.setattr(mapped, "MAPPED_FROM", 1 << 20)
    large = dr.load_dataset(tmp_path / "a.parquet", target="y")
    assert is_mapped(large.train.x)
    assert not is_mapped(large.test.x)
    kinds = {"n": "number", "c": "category", "name": "text", "b": "boolean", "day": "date"}
    assert large.train.x.kinds == small.train.x.kinds == kinds
    assert large.train.y[:100_000].tolist() == small.train.y[:100_000].tolist()
    for column, other in zip(large.train.x.usable, small.train.x.usable, strict=True):
        np.testing.assert_array_equal(column.values[:100_000], other.values[:100_000])
    recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=2, stopping=None, batch_size=128)
    run = dr.train(recipe, large)
    assert dr.evaluate(run.model, large.test).score > 0.9
    assert dr.evaluate(run.model, large.train).score == run.model.score(large.train.x, large.train.y) > 0.9


def test_samples_of_a_mapped_file_stay_in_their_order(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(2000.0).reshape(1000, 2))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = dr.split(x, np.arange(1000) % 2)
    assert is_mapped(data.train.x)
    assert not is_mapped(data.test.x)
    assert data.test.x[0, 0] == 1800
    held = dr.Dataset((x, np.arange(1000) % 2)).with_validation(size=10)
    assert is_mapped(held.train.x)
    assert held.validation.x[:, 0].tolist() == list(range(1980, 2000, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert leaks(data) == []
