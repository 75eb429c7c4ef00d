"""Validation of x, y and weights, without changing them.

Nothing is copied and no dtype is changed: these functions turn what they are given into an array by
`numpy.asarray` and raise a `DataError` for what no network can be trained on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deltarule.errors import DataError
from deltarule.mapped import forget

__all__ = ["Array", "checked_samples", "checked_targets", "checked_weights"]

Array = NDArray[Any]

_NUMBERS = "biuf"  # NumPy's kinds: booleans, integers, unsigned integers, floats
_TEXT = "UT"
_KINDS = {
    "c": "complex numbers",
    "M": "dates",
    "m": "durations",
    "S": "bytes",
    "T": "text",
    "U": "text",
    "V": "records",
}
_BLOCK = 1 << 22  # values looked at in one go, so that the check itself takes little memory


def checked_samples(x: ArrayLike) -> Array:
    """The samples as an array (n, d), (n, height, width) or (n, height, width, channels) of finite real numbers.

    Raises DataError: not numbers, other dimensions, empty, NaN or infinite (the first such place is named).

    >>> checked_samples([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    a = _array(x, "x")
    if a.dtype.kind not in _NUMBERS:
        numeric = "x.astype(float)" if a.dtype.kind == "O" else "each column as numbers, a category as one column each"
        raise DataError("x of real numbers", _what(a, "x", numbers=True), numeric)
    if a.ndim not in {2, 3, 4}:
        shapes = "x of shape (n, d), (n, height, width) or (n, height, width, channels)"
        instead = "x.reshape(-1, 1) for one feature, x.reshape(1, -1) for one sample" if a.ndim == 1 else None
        raise DataError(shapes, f"shape {a.shape}", instead)
    if len(a) == 0:
        raise DataError("at least one sample", f"x of shape {a.shape}")
    if a.size == 0:
        raise DataError("at least one feature", f"x of shape {a.shape}")
    _finite(a, "x")
    return a


def checked_targets(y: ArrayLike) -> Array:
    """Return checked targets: labels (n,) as text, booleans or integers, or finite numbers (n,) or (n, k).

    Raises DataError: objects that are not all text, other dimensions, empty, NaN or infinite.

    >>> checked_targets(["cat", "dog"]).shape
    (2,)
    """
    a = _array(y, "y")
    text = a.dtype.kind in _TEXT or (a.dtype.kind == "O" and all(isinstance(label, str) for label in a.flat))
    if not text and a.dtype.kind not in _NUMBERS:
        instead = "y.astype(str)" if a.dtype.kind in "SO" else None
        raise DataError("y of text labels or of real numbers", _what(a, "y", numbers=False), instead)
    if a.ndim != 1 and (text or a.ndim != 2):
        wanted = "y of shape (n,)" + ("" if text else " or (n, k)")
        raise DataError(wanted, f"shape {a.shape}", "y.ravel()" if a.ndim == 2 and a.shape[1] == 1 else None)
    if len(a) == 0:
        raise DataError("at least one sample", f"y of shape {a.shape}")
    if a.size == 0:
        raise DataError("at least one column in y", f"shape {a.shape}")
    _finite(a, "y")
    return a


def checked_weights(weights: ArrayLike) -> Array:
    """Return checked weights of the samples: finite numbers (n,), none below 0 and not all of them 0.

    >>> checked_weights([1, 0, 2])
    array([1, 0, 2])
    """
    a = _array(weights, "weights")
    if a.dtype.kind not in _NUMBERS:
        raise DataError("weights of real numbers", _what(a, "weights", numbers=True))
    if a.ndim != 1:
        raise DataError("weights of shape (n,), one for each sample", f"shape {a.shape}")
    _finite(a, "weights")
    if (a < 0).any():
        row = int(np.argmax(a < 0))
        raise DataError("weights of 0 or more", f"{a[row]} in row {row} (counting from 0)")
    if not a.any():
        raise DataError("at least one weight above 0", f"{len(a)} weights, all 0" if len(a) else "no weights")
    return a


def _array(values: ArrayLike, name: str) -> Array:
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise DataError(f"{name} as a dense array", "a sparse matrix", f"{name}.toarray()")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        # numpy.asarray would bring to light the values under the mask.
        masked = int(np.ma.getmaskarray(values).sum())
        raise DataError(f"{name} without masked values", f"{masked} of them", f"{name}.filled(value)")
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} as an array, every row as long as the others", str(error).rstrip(".")) from error


def _what(a: Array, name: str, *, numbers: bool) -> str:
    """Return a description of an array's invalid values, with the first position in an array of objects."""
    if a.dtype.kind != "O":
        return _KINDS.get(a.dtype.kind, str(a.dtype))
    if a.ndim == 0:
        return f"{name} of type {type(a.item()).__name__}"
    wanted = (int, float, np.number) if numbers else (str,)
    for index, value in np.ndenumerate(a):
        if not isinstance(value, wanted):
            return f"an array of objects, {value!r} {_place(index)}"
    return "an array of objects"


def _finite(a: Array, name: str) -> None:
    if a.dtype.kind != "f":
        return
    rows = max(1, _BLOCK // max(1, a[:1].size))
    for start in range(0, len(a), rows):
        block = a[start : start + rows]
        bad = ~np.isfinite(block)
        forget(block)
        if bad.any():
            first = [int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape)]
            index = (first[0] + start, *first[1:])
            raise DataError(f"finite numbers in {name}", f"{a[index]} {_place(index)}", "fill or leave out such rows")


def _place(index: tuple[int, ...]) -> str:
    if len(index) == 1:
        return f"in row {index[0]} (counting from 0)"
    if len(index) == 2:
        return f"in row {index[0]}, column {index[1]} (counting from 0)"
    return f"in row {index[0]}, at {index[1:]} of its image (counting from 0)"
