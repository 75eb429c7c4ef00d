"""Names and folders into data sets; the real files where they are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deltarule.data import DATASETS, Split, dataset_names, download, fetch_dataset, load_dataset, moons
from deltarule.data.bundled import bundled
from deltarule.data.idx import IDX_NAMES
from deltarule.errors import DataError, DataFileError, UnknownDataset

REAL = Path(__file__).parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="the real files are not at ../shared/data")


def idx(a):
    """An IDX file of bytes."""
    return bytes([0, 0, 8, a.ndim]) + np.array(a.shape, ">u4").tobytes() + a.tobytes()


def fill(folder, train=6, test=2):
    """The four files, with so many images of 4 by 5 and labels from 0 to 2."""
    folder.mkdir(exist_ok=True)
    for name in IDX_NAMES:
        n = test if name.startswith("t10k") else train
        a = np.arange(n * 20, dtype="u1").reshape(n, 4, 5) if "images" in name else np.arange(n, dtype="u1") % 3
        (folder / name).write_bytes(idx(a))
    return folder


@pytest.fixture(autouse=True)
def no_cache(monkeypatch, tmp_path):
    """No test finds what the user has, and none leaves anything there."""
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.delenv("DELTARULE_DATA", raising=False)
    monkeypatch.setattr(download, "_receive", lambda *_: pytest.fail("the network was asked"))


@pytest.mark.parametrize("name", [name for name in DATASETS if DATASETS[name].where != "downloaded"])
def test_small_sets_are_what_the_table_says(name):
    info, data = DATASETS[name], load_dataset(name)
    assert data.name == name
    assert data.train.x.shape[1:] == info.shape
    official = load_dataset(name, split="official")
    assert len(official.train) == info.samples
    assert official.validation is official.test is None
    assert data.task == ("classification" if info.classes else "regression")
    if info.classes:
        assert len(np.unique(official.train.y)) == info.classes == len(data.class_names)
    if name != "xor":
        assert sum(len(part) for part in data.parts.values()) == info.samples
        assert len(data.test) == len(data.validation) == round(info.samples / 10)
    assert np.array_equal(data.train.x, load_dataset(name, seed=0).train.x)


def test_digits_are_raw():
    digits = load_dataset("digits")
    assert digits.train.x.dtype == np.uint8
    assert digits.train.x.max() == 16
    assert digits.class_names == tuple("0123456789")
    assert not np.array_equal(digits.train.x, load_dataset("digits", seed=1).train.x)


def test_xor_is_the_same_four_points_in_all_parts():
    data = load_dataset("xor")
    assert data.train is data.validation is data.test
    assert load_dataset("xor", split=Split(2, 1, 1)).train.x.shape == (2, 2)


def test_moons_are_those_of_the_old_generator():
    from sklearn.datasets import make_moons

    x, y = moons(300, 0.2, seed=3)
    np.random.seed(3)  # noqa: NPY002 - what the published experiment did
    ox, oy = make_moons(n_samples=300, noise=0.2)
    assert np.array_equal(x, ox)
    assert np.array_equal(y, oy)
    for arguments in ((1,), (9, -0.1), (9, np.nan), (9, 0.2, -1)):
        with pytest.raises(DataError):
            moons(*arguments)


def test_an_explicit_split():
    data = load_dataset("iris", split=Split(validation=0, test=30, seed=5))
    assert (len(data.train), data.validation, len(data.test)) == (120, None, 30)
    assert np.bincount(data.test.y).tolist() == [10, 10, 10]
    with pytest.raises(DataError, match="official"):
        load_dataset("iris", split="oficial")


@pytest.mark.parametrize(
    ("name", "near"), [("fashon", "'fashion'"), ("MNIST", "'mnist'"), ("digit", "'digits'"), ("./no/such/folder", "")]
)
def test_unknown_names(name, near):
    with pytest.raises(UnknownDataset) as raised:
        load_dataset(name)
    assert near in raised.value.suggestion
    assert "dataset_names()" in raised.value.suggestion
    assert repr(name) in str(raised.value)


@pytest.mark.parametrize("name", ["", "x" * 5000, "~nobody-of-that-name", "a\0b", Path("mnist")])
def test_names_that_are_no_path_either(name):
    with pytest.raises(UnknownDataset):
        load_dataset(name)


def test_fetch_knows_what_it_can_fetch():
    with pytest.raises(UnknownDataset, match="'mnist'"):
        fetch_dataset("minst")
    with pytest.raises(DataError, match=r"bundled.*load_dataset\('iris'\)"):
        fetch_dataset("iris")
    assert {"mnist", "fashion", "kmnist"} < set(dataset_names())


def test_a_folder_of_ones_own(tmp_path):
    folder = fill(tmp_path / "own", 60, 9)
    data = load_dataset(folder)
    assert (data.name, len(data.train), len(data.validation), len(data.test)) == ("own", 51, 9, 9)
    assert load_dataset(str(folder), split="official").validation is None
    assert len(load_dataset(folder, split=Split(49, 10, 10)).train) == 49
    with pytest.raises(DataFileError, match=r"the file .*load_dataset"):
        load_dataset(folder / IDX_NAMES[0])


@pytest.mark.parametrize("inner", ["", "fashion"])
@pytest.mark.parametrize("how", ["data_dir", "environment"])
def test_ones_own_files_under_a_public_name(tmp_path, monkeypatch, inner, how):
    fill(tmp_path / inner, 20, 5)
    if how == "environment":
        monkeypatch.setenv("DELTARULE_DATA", str(tmp_path))
    data = load_dataset("fashion", data_dir=tmp_path if how == "data_dir" else None)
    assert data.name == "fashion"
    assert "not the official" in data.source
    assert data.class_names[9] == "Ankle boot"


def test_ones_own_labels_need_not_be_ten(tmp_path):
    (fill(tmp_path) / IDX_NAMES[1]).write_bytes(idx(np.full(6, 99, "u1")))
    assert load_dataset("mnist", data_dir=tmp_path).class_names is None


def test_a_folder_that_is_none_or_lacks_files(tmp_path, monkeypatch):
    with pytest.raises(DataFileError, match="data_dir"):
        load_dataset("mnist", data_dir=tmp_path / "missing")
    fill(tmp_path)
    (tmp_path / IDX_NAMES[3]).unlink()
    with pytest.raises(DataFileError, match=f"without {IDX_NAMES[3]}"):
        load_dataset("mnist", data_dir=tmp_path)
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "missing"))
    with pytest.raises(DataFileError, match="DELTARULE_DATA"):
        load_dataset("mnist")


@needs_real
def test_real_mnist():
    data = load_dataset("mnist", data_dir=REAL)
    assert data.source == "MNIST, Y. LeCun and C. Cortes"
    assert [len(part) for part in data.parts.values()] == [50_000, 10_000, 10_000]
    assert data.train.x.dtype == np.uint8
    assert data.train.x.shape[1:] == (28, 28)
    whole = load_dataset("mnist", data_dir=REAL / "mnist", split="official")
    assert np.bincount(whole.train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert whole.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(float(whole.train.x.mean() / 255), 4) == 0.1307
    assert round(float(whole.train.x.std() / 255), 4) == 0.3081
    share = np.bincount(data.validation.y) * 6 - np.bincount(whole.train.y)
    assert np.abs(share).max() <= 6


@needs_real
def test_real_mnist_in_the_order_of_the_book():
    data = load_dataset("mnist", data_dir=REAL, split=Split(50_000, 10_000, 10_000, shuffled=False))
    whole = load_dataset("mnist", data_dir=REAL, split="official")
    assert np.array_equal(data.train.y, whole.train.y[:50_000])
    assert np.array_equal(data.validation.y, whole.train.y[50_000:])
    assert np.array_equal(data.test.x, whole.test.x)


@needs_real
def test_real_fashion(monkeypatch):
    monkeypatch.setenv("DELTARULE_DATA", str(REAL))
    data = load_dataset("fashion", split="official")
    assert data.source == "Fashion-MNIST, Zalando SE"
    assert np.bincount(data.train.y).tolist() == [6000] * 10
    assert np.bincount(data.test.y).tolist() == [1000] * 10
    assert data.class_names[data.train.y[0]] == "Ankle boot"


@needs_real
def test_one_public_set_is_not_taken_for_another(monkeypatch):
    with pytest.raises(DataFileError, match=r"those of 'mnist'"):
        load_dataset("fashion", data_dir=REAL / "mnist")


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer", "diabetes"])
def test_bundled_sets_equal_scikit_learns(name, monkeypatch):
    read, asked = bundled(name), []
    with monkeypatch.context() as patched:
        patched.setattr("importlib.util.find_spec", asked.append)
        imported = bundled(name)
    assert asked == ["sklearn"]
    assert read.x.dtype == imported.x.dtype
    assert read.x.tobytes() == imported.x.tobytes()
    assert read.y.dtype == imported.y.dtype
    assert read.y.tobytes() == imported.y.tobytes()
    assert read[2:] == imported[2:]


def test_bundled_sets_are_read_without_importing_scikit_learn():
    names = ["digits", "iris", "wine", "breast_cancer", "diabetes"]
    program = f"import sys, deltarule as dr; list(map(dr.load_dataset, {names})); print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
