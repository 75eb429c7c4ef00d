"""What may come in as a part or a data set, what may not, and what is said of it."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from deltarule.data import Dataset, Part, require_classes, task_of
from deltarule.data.labels import CLASSES_AT_MOST
from deltarule.errors import DataError

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])


class Sparse:
    """As much of a sparse matrix as is looked at."""

    nnz = 1

    def toarray(self):
        return X


def changed(a, index, value):
    a = np.array(a, dtype=float)
    a[index] = value
    return a


BAD_PARTS = {
    "lengths": ((X, Y[:5]), "x and y of the same length", "6 rows of x and 5 of y"),
    "no samples": ((X[:0], Y[:0]), "at least one sample", "x of shape (0, 2)"),
    "no labels": ((X, Y[:0]), "at least one sample", "y of shape (0,)"),
    "no features": ((X[:, :0], Y), "at least one feature", "(6, 0)"),
    "no columns in y": ((X, np.zeros((6, 0))), "at least one column in y", "(6, 0)"),
    "one-dimensional x": ((X[:, 0], Y), "x of shape (n, d)", "x.reshape(-1, 1)"),
    "no dimension": ((3.0, Y), "x of shape (n, d)", "()"),
    "five dimensions": ((np.zeros((6, 1, 1, 1, 1)), Y), "x of shape (n, d)", "(6, 1, 1, 1, 1)"),
    "NaN": ((changed(X, (4, 1), np.nan), Y), "finite numbers in x", "nan in row 4, column 1"),
    "infinite": ((changed(X, (2, 0), -np.inf), Y), "finite numbers in x", "-inf in row 2, column 0"),
    "NaN in a picture": (
        (changed(np.zeros((6, 3, 4)), (5, 1, 2), np.nan), Y),
        "finite numbers in x",
        "in row 5, at (1, 2) of its image",
    ),
    "NaN in y": ((X, changed(Y, 3, np.nan)), "finite numbers in y", "nan in row 3"),
    "NaN in y (n, k)": ((X, changed(X, (1, 0), np.inf)), "finite numbers in y", "inf in row 1, column 0"),
    "text in x": ((X.astype(str), Y), "x of real numbers", "text"),
    "objects in x": (([[1, 2], [3, "red"]], [0, 1]), "x of real numbers", "text"),
    "an object in x": ((np.array([[1, 2], [3, None]], object), [0, 1]), "x of real numbers", "None in row 1, column 1"),
    "numbers as objects": ((X.astype(object), Y), "x of real numbers", "x.astype(float)"),
    "no array": ((object(), Y), "x of real numbers", "x of type object"),
    "complex": ((X * 1j, Y), "x of real numbers", "complex numbers"),
    "dates": ((X.astype("M8[s]"), Y), "x of real numbers", "dates"),
    "sparse": ((Sparse(), Y), "x as a dense array", "x.toarray()"),
    "masked": ((np.ma.masked_greater(X, 9), Y), "x without masked values", "2 of them"),
    "ragged": (([[1, 2], [3]], [0, 1]), "x as an array", "inhomogeneous"),
    "objects in y": ((X[:3], np.array(["a", None, "b"], object)), "y of text labels or of real", "None in row 1"),
    "bytes in y": ((X, Y.astype("S1")), "y of text labels or of real", "y.astype(str)"),
    "text in columns": ((X, Y.astype(str).reshape(-1, 1)), "y of shape (n,)", "y.ravel()"),
    "y of three dimensions": ((X, Y.reshape(6, 1, 1)), "y of shape (n,) or (n, k)", "(6, 1, 1)"),
    "negative weight": ((X, Y, [1, 1, 1, -2, 1, 1]), "weights of 0 or more", "-2 in row 3"),
    "no weight above 0": ((X, Y, np.zeros(6)), "at least one weight above 0", "6 weights, all 0"),
    "no weights": ((X, Y, []), "at least one weight above 0", "no weights"),
    "NaN weight": ((X, Y, changed(np.ones(6), 5, np.nan)), "finite numbers in weights", "nan in row 5"),
    "weights of another length": ((X, Y, [1, 2]), "one weight for each sample", "2 weights and 6 samples"),
    "weights in columns": ((X, Y, X), "weights of shape (n,)", "(6, 2)"),
    "weights of text": ((X, Y, Y.astype(str)), "weights of real numbers", "text"),
}


@pytest.mark.parametrize("case", BAD_PARTS)
def test_a_bad_part_is_refused_with_its_own_words(case):
    arguments, wanted, came = BAD_PARTS[case]
    with pytest.raises(DataError) as raised:
        Part(*arguments)
    assert wanted in raised.value.expected
    assert came in str(raised.value)


@pytest.mark.parametrize("dtype", ["bool", "u1", "i2", "f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (4, 3, 2, 3)])
def test_values_stay_as_they_are(dtype, shape):
    x = np.ones(shape, dtype)
    part = Part(x, ["a", "b", "a", "b"], [1, 0, 1, 1])
    assert part.x is x
    assert part.x.dtype == np.dtype(dtype)
    assert len(part) == 4
    assert "4 samples" in repr(part)


def test_the_first_bad_place_is_found_behind_the_first_block():
    x = np.zeros((3000, 2000), np.float32)
    x[2999, 1999] = np.nan
    with pytest.raises(DataError, match="row 2999, column 1999"):
        Part(x, np.zeros(3000))


def test_rows():
    part = Part(X, Y, np.arange(6))
    picked = part.rows([3, 3, 1])
    assert picked.x.tolist() == [[6, 7], [6, 7], [2, 3]]
    assert picked.y.tolist() == [1, 1, 1]
    assert picked.weights.tolist() == [3, 3, 1]
    assert part.rows(part.y == 1).x.tolist() == X[1::2].tolist()
    assert np.shares_memory(part.rows(slice(1, 3)).x, X)
    assert len(part.rows(2)) == 1


@pytest.mark.parametrize("indices", [[6], [], [0.5], [[0]], [True], slice(3, 3), ["a"]])
def test_rows_that_are_not_there(indices):
    with pytest.raises(DataError):
        Part(X, Y).rows(indices)


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        (np.array(["a", "b"], object), "classification"),
        ([f"{i}" for i in range(100)], "classification"),
        ([True, False], "classification"),
        (np.arange(CLASSES_AT_MOST, dtype=np.uint8), "classification"),
        (np.arange(CLASSES_AT_MOST + 1), "regression"),
        ([-1, 1000], "classification"),
        ([1.0, 2.0], "regression"),
        ([[0, 1], [1, 0]], "multilabel"),
    ],
)
def test_task(y, task):
    assert task_of(y) == task


def test_one_class_cannot_be_told_apart():
    assert require_classes(["b", "a", "b"]).tolist() == ["a", "b"]
    with pytest.raises(DataError, match=r"at least two classes.*'a' in 3 samples\. Try: targets"):
        require_classes(["a", "a", "a"])
    with pytest.raises(DataError, match=r"argmax"):
        require_classes([[0, 1], [1, 0]])


def test_dataset_of_tuples():
    data = Dataset((X, Y), (X, Y, np.ones(6)), test=Part(X, Y), name="six", class_names=["no", "yes"], source="here")
    assert [type(part) for part in data.parts.values()] == [Part] * 3
    assert data.validation.weights.sum() == 6
    assert data.class_names == ("no", "yes")
    assert repr(data) == "Dataset('six': 6 train, 6 validation, 6 test; x 2 float64; 2 classes)"
    assert "6 samples" not in repr(replace(data, test=None))
    assert pickle.loads(pickle.dumps(data)).train.x.tolist() == X.tolist()
    assert "2 targets" in repr(Dataset((X, X)))


BAD_DATASETS = {
    "shape of a sample": ({"test": (X[:, :1], Y)}, "samples of one shape"),
    "columns of y": ({"test": (X, X)}, "y of one shape"),
    "text and numbers": ({"validation": (X, Y.astype(str))}, "numbers or of text"),
    "which part": ({"validation": (X, Y[:2])}, "in the validation set"),
    "no tuple": ({"test": X}, r"Dataset\(test=\(x, y\)\)"),
    "tuple of one": ({"test": (X,)}, "tuple of 1"),
    "too few class names": ({"class_names": ("no",)}, "label 1 in the training set"),
    "label below 0": ({"validation": (X, -Y), "class_names": ("no", "yes")}, "label -1 in the validation set"),
    "classes of floats": ({"train": (X, Y * 1.0), "class_names": ("no", "yes")}, "integer labels"),
    "names in one text": ({"class_names": "no"}, "class_names as a tuple"),
    "names that are numbers": ({"feature_names": (1, 2)}, "feature_names as a tuple"),
    "too few feature names": ({"feature_names": ("a",)}, "2 feature names"),
}


@pytest.mark.parametrize("case", BAD_DATASETS)
def test_a_bad_dataset_is_refused(case):
    changes, message = BAD_DATASETS[case]
    with pytest.raises(DataError, match=message):
        Dataset(**({"train": (X, Y)} | changes))


def test_with_validation():
    x, y = np.arange(1000).reshape(-1, 1), np.arange(1000) % 4
    data = Dataset((x, y), test=(x[:50], y[:50]), name="thousand")
    shared = data.with_validation(fraction=0.2, seed=3)
    assert np.bincount(shared.validation.y).tolist() == [50] * 4
    assert sorted([*shared.train.x.ravel(), *shared.validation.x.ravel()]) == list(range(1000))
    assert shared.test is data.test
    assert shared.name == "thousand"
    assert np.array_equal(shared.validation.x, data.with_validation(fraction=0.2, seed=3).validation.x)
    assert not np.array_equal(shared.validation.x, data.with_validation(fraction=0.2, seed=4).validation.x)
    assert len(data.with_validation(size=7).validation) == 7
    assert len(data.with_validation().validation) == 50
    assert len(replace(data, test=None).with_validation().validation) == 100
    assert len(Dataset((x, y * 1.5)).with_validation(0.5).validation) == 500


@pytest.mark.parametrize(
    "arguments",
    [{"fraction": 0}, {"fraction": 1}, {"size": 6}, {"size": 0}, {"size": 1.5}, {"fraction": 0.1, "size": 1}],
)
def test_with_validation_that_cannot_be(arguments):
    with pytest.raises(DataError):
        Dataset((X, Y)).with_validation(**arguments)


def test_with_validation_twice_or_of_one_sample():
    with pytest.raises(DataError, match="without a validation set"):
        Dataset((X, Y)).with_validation().with_validation()
    with pytest.raises(DataError, match="at least one training"):
        Dataset((X[:1], Y[:1])).with_validation()
    with pytest.raises(DataError, match="seed"):
        Dataset((X, Y)).with_validation(seed=-1)
