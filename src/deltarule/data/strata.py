"""Random, stratified, grouped and ordered splits of samples, as row numbers.

Only the raw numbers of Philox are used, which NumPy guarantees, and not its shuffles, which may change: a seed gives
the same split on every machine and in every version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltarule.data.arrays import Array
from deltarule.errors import DataError
from deltarule.types import Positions

__all__ = ["counts_by_class", "grouped_parts", "ordered_parts", "random_order", "shuffled_parts", "stratified_parts"]


def random_order(n: int, seed: int, draw: int = 0) -> Positions:
    """Return the numbers 0 … n−1 in a random order (n,) drawn from the seed (0 or more).

    draw : 0 for the seed's first order, 1 for its second, independent one.

    >>> random_order(5, seed=0).tolist() == random_order(5, seed=0).tolist()
    True
    """
    if seed < 0:
        raise DataError("a seed of 0 or more", f"{seed}")
    return np.argsort(np.random.Philox(seed).random_raw((draw + 1) * n)[draw * n :], kind="stable")


def shuffled_parts(n: int, sizes: Sequence[int], seed: int) -> list[Positions]:
    """Split n samples at random into parts of these sizes (they add up to n); return an index array (size,) for each.

    >>> [len(part) for part in shuffled_parts(10, [7, 2, 1], seed=0)]
    [7, 2, 1]
    """
    return list(np.split(random_order(n, seed), np.cumsum(sizes)[:-1]))


def stratified_parts(y: Array, sizes: Sequence[int], seed: int) -> list[Positions]:
    """Split n samples into parts of these sizes (they add up to n), stratified by the classes of y (n,).

    Every class with at least as many samples as there are parts is in each of them, if the parts have room.
    Returns an index array (size,) for each part, in random order.

    >>> y = np.array([0] * 8 + [1] * 2)
    >>> [y[part].tolist().count(1) for part in stratified_parts(y, [5, 5], seed=0)]
    [1, 1]
    """
    _, which = np.unique(y, return_inverse=True)
    counts = np.bincount(which)
    table = counts_by_class(counts, sizes)
    order = random_order(len(y), seed)
    by_class = order[np.argsort(which[order], kind="stable")]
    classes = which[by_class]
    rank = np.arange(len(y)) - (np.cumsum(counts) - counts)[classes]
    ends = np.cumsum(table, axis=1)
    part = np.empty(len(y), dtype=np.intp)
    part[by_class] = (rank[:, np.newaxis] >= ends[classes]).sum(axis=1)
    # In the order that has determined the parts, samples of a class are close together in all parts but the first.
    again = random_order(len(y), seed, draw=1)
    return [each[part[each] == p] for p, each in enumerate([order, *[again] * (len(sizes) - 1)])]


def grouped_parts(groups: Array, sizes: Sequence[int], seed: int) -> list[Positions]:
    """Split samples into parts of nearly these sizes, all samples of a group (n,) into the same part.

    The groups are taken in random order, each into the part that lacks most samples. Returns an index array for each.

    Raises DataError where there are fewer groups than parts.

    >>> groups = np.array(["a", "b", "a", "c", "b", "c"])
    >>> [groups[part].tolist() for part in grouped_parts(groups, [4, 2], seed=0)]
    [['a', 'b', 'a', 'b'], ['c', 'c']]
    """
    names, which = np.unique(groups, return_inverse=True)
    wanted = np.array(sizes)
    if len(names) < np.count_nonzero(wanted):
        raise DataError(f"at least {np.count_nonzero(wanted)} groups, one for each part", f"{len(names)}")
    counts, left = np.bincount(which), wanted.astype(np.int64)
    part_of = np.zeros(len(names), dtype=np.intp)
    for place, group in enumerate(random_order(len(names), seed)):
        empty = (wanted > 0) & (left == wanted)
        # As many groups as parts without one: each gets one of them.
        lacking = np.where(empty, left, np.iinfo(np.int64).min) if len(names) - place <= empty.sum() else left
        part_of[group] = int(np.argmax(lacking))
        left[part_of[group]] -= counts[group]
    order = random_order(len(groups), seed)
    return [order[part_of[which[order]] == part] for part in range(len(sizes))]


def ordered_parts(times: Array, sizes: Sequence[int]) -> list[Positions]:
    """Split samples by time (n,) into parts of these sizes, the earliest first; return an index array (size,) for each.

    >>> [part.tolist() for part in ordered_parts(np.array([3.0, 1.0, 2.0]), [2, 1])]
    [[1, 2], [0]]
    """
    return list(np.split(np.argsort(times, kind="stable"), np.cumsum(sizes)[:-1]))


def counts_by_class(counts: Array, sizes: Sequence[int]) -> Array:
    """Return the number of samples of each class in each part: integers (classes, parts).

    Rows add up to `counts` (classes,), columns to `sizes`, which both add up to n. Each number is close to
    counts · size / n: its integer part, with the rest going to the largest remainders. Then samples are exchanged until
    each class that could be in every part is.

    >>> counts_by_class(np.array([8, 4]), [9, 3]).tolist()
    [[6, 2], [3, 1]]
    """
    left, total = counts.astype(np.int64), int(counts.sum())
    columns = []
    for size in reversed(sizes[1:]):
        quota = left * size
        column = quota // total if total else quota
        remainder = quota - column * total
        # Fewer samples are left than classes have a remainder, so none gets too many.
        column[np.argsort(-remainder, kind="stable")[: size - int(column.sum())]] += 1
        columns.append(column)
        left, total = left - column, total - size
    table = np.stack([left, *reversed(columns)], axis=1)
    _complete(table, counts, [p for p, size in enumerate(sizes) if size])
    return table


def _complete(table: Array, counts: Array, parts: list[int]) -> None:
    """Exchange samples, in place, until each class with enough of them is in each of the parts.

    This succeeds wherever a part has room for all such classes: it then has two samples of another class, or one of a
    class that need not be in it, and another part has two samples of the missing class.
    """
    needed = counts >= len(parts)
    for p in parts:
        quota = counts * (table[:, p].sum() / counts.sum())
        for missing in np.flatnonzero(needed & (table[:, p] == 0)):
            spare = table[:, p] > needed
            if not spare.any():
                break
            giver = int(np.argmax(np.where(spare, table[:, p] - quota, -np.inf)))
            q = max(parts, key=lambda other: int(table[missing, other]))
            table[missing, [p, q]] += (1, -1)
            table[giver, [p, q]] += (-1, 1)
