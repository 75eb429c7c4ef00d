"""Names for the types of arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
SingleFloats: TypeAlias = npt.NDArray[np.float32]
Integers: TypeAlias = npt.NDArray[np.int64]
Indices: TypeAlias = Integers
"""Rows of a set of samples, as `Part.rows` takes them."""
Positions: TypeAlias = npt.NDArray[np.intp]
"""Indices as `np.argsort`, `np.flatnonzero` and `np.unique` return them."""
Booleans: TypeAlias = npt.NDArray[np.bool_]
