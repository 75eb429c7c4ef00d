"""Augmentation before training: a larger data set in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, Table
from deltarule.errors import DataError, RecipeError
from deltarule.formulas.augmentations import Augmentation, Mixing
from deltarule.formulas.augmentations.composition import Drawn, RawValues, augment, check
from deltarule.recipes.checks import boolean, integer
from deltarule.recipes.recipe import augmentations as chosen

_BLOCK = 512
_ONLINE = 'Recipe(augmentation="feature_noise"), which changes what preparation makes of the columns'


@overload
def augmented(
    data: Dataset, augmentations: Any, *, copies: int = 1, seed: int = 0, originals: bool = True
) -> Dataset: ...


@overload
def augmented(data: Part, augmentations: Any, *, copies: int = 1, seed: int = 0, originals: bool = True) -> Part: ...


def augmented(
    data: Dataset | Part, augmentations: Any, *, copies: int = 1, seed: int = 0, originals: bool = True
) -> Dataset | Part:
    """Return an augmented training set: the original samples and `copies` transformed ones of each.

    data : a `Dataset`, whose training set is augmented and whose other sets do not change; or a `Part`.
    augmentations : as in a recipe: a name, an augmentation, or a list.
    originals : whether the original samples are included, first; the transformed ones follow, copy by copy.

    Values keep their type; integers are rounded. Labels and weights are repeated, so mixtures, which change labels, are
    an error. With `Recipe(augmentation=...)` samples are instead transformed at each step.

    >>> import deltarule as dr
    >>> larger = augmented(dr.load_dataset("digits"), ["rotation", dr.Translation(1)], copies=2)
    >>> len(larger.train), larger.train.x.dtype
    (4311, dtype('uint8'))
    """
    integer("copies", copies, 1, "copies=1")
    integer("seed", seed, 0, "seed=0")
    boolean("originals", originals)
    formulas = chosen(augmentations)
    if not formulas:
        raise RecipeError("at least one augmentation", "none", 'augmented(data, "rotation")')
    mixing = next((each for each in formulas if isinstance(each, Mixing)), None)
    if mixing is not None:
        raise RecipeError("augmentations that leave the labels", mixing.name, f'Recipe(augmentation="{mixing.name}")')
    if isinstance(data, Part):
        return _larger(data, formulas, copies, seed, originals=originals)
    if not isinstance(data, Dataset):
        raise DataError("a Dataset or a Part", type(data).__name__, "augmented(Dataset(train=(x, y)), ...)")
    larger = _larger(data.train, formulas, copies, seed, originals=originals)
    return replace(data, train=larger)


def variants(part: Part, augmentations: Any, rows: npt.NDArray[Any], *, copies: int, seed: int = 0) -> Any:
    """Return some samples and their transformed variants: (1 + copies, rows, …), the original samples first."""
    formulas = chosen(augmentations)
    raw = _raw(part, formulas)
    few = part.x[rows]
    return np.stack([few, *(_changed(few, formulas, raw, seed, copy) for copy in range(1, copies + 1))])


def _raw(part: Part, formulas: tuple[Augmentation, ...]) -> RawValues:
    if isinstance(part.x, Table):
        raise RecipeError("samples in an array", f"a table of {part.x.shape[1]} columns", _ONLINE)
    shape = part.x.shape[1:]
    check(formulas, shape)
    return RawValues(part.x.reshape(len(part), -1), shape)


def _larger(part: Part, formulas: tuple[Augmentation, ...], copies: int, seed: int, *, originals: bool) -> Part:
    raw = _raw(part, formulas)
    x = [_changed(part.x, formulas, raw, seed, copy) for copy in range(1, copies + 1)]
    if originals:
        x = [part.x, *x]
    y = np.concatenate([part.y] * len(x))
    return Part(np.concatenate(x), y, None if part.weights is None else np.concatenate([part.weights] * len(x)))


def _changed(
    x: npt.NDArray[Any], formulas: tuple[Augmentation, ...], raw: RawValues, seed: int, copy: int
) -> npt.NDArray[Any]:
    """Transform samples once, keeping shape and type; the copy's number replaces the training step in the draws."""
    changed = np.empty_like(x)
    for first in range(0, len(x), _BLOCK):
        block = slice(first, first + _BLOCK)
        some = x[block]
        values, _ = augment(some.reshape(len(some), -1), None, formulas, raw, Drawn(seed, copy, first))
        if x.dtype.kind in "biu":
            values = np.rint(values)
        changed[block] = values.reshape(some.shape)
    return changed
