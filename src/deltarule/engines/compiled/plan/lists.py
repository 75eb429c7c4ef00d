"""The queues of work stealing: a list of pieces of work for each thread and phase of a step, see `pieces`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import Division, Share
from deltarule.engines.compiled.plan.memory import Arena
from deltarule.engines.compiled.plan.pieces import Renew, Take
from deltarule.engines.compiled.plan.tables import Plan, Rows
from deltarule.native.products import GROUP
from deltarule.native.structs import Address, Count, size_of

__all__ = ["Lists", "Pieces", "cut", "enough", "parts_of", "renewed"]

Pieces = Callable[[Division], Sequence[Sequence[Instruction]]]
"""The pieces of the thread of a division, as the thread that asks does them."""

_FEWEST = 3  # pieces of a list
_LEAST = 1 << 18  # multiply-adds of a piece: some microseconds
# Of a product: B is copied or transposed for so many columns at once, and a tile has fewer rows.
_COLUMNS, _ROWS = 64, 16
_LINE = 16  # words between two counts, which are in separate cache lines, also where these are fetched in pairs


def parts_of(products: int, most: int) -> int:
    """Return into how many pieces so many multiply-adds are cut, at most `most`.

    >>> parts_of(64 * 784 * 128, 100), parts_of(64 * 784 * 128, 8), parts_of(1000, 8)
    (24, 8, 1)
    """
    return max(1, min(most, products // _LEAST))


def enough(products: int) -> bool:
    """Return whether so many multiply-adds are enough for a piece."""
    return products >= _LEAST


class Lists:
    """Makes the lists, and keeps how many pieces of each are taken.

    of_products : whether layers' products are cut, forwards and backwards: not where operands are rounded first, which
    each piece would repeat.
    """

    def __init__(self, arena: Arena, *, of_products: bool) -> None:
        self._arena, self.of_products = arena, of_products
        self._taken: dict[tuple[str, int], Address] = {}

    def take(self, to: Division, phase: str, pieces: Pieces) -> Iterator[Instruction]:
        """The thread's own pieces, then those of one or two others; a few are no list, and their thread does them."""
        threads = to.layout.threads
        others = {1, threads // 2} if threads > 1 else ()
        for owner in [to.thread, *((to.thread + apart) % threads for apart in others)]:
            found = pieces(replace(to, thread=owner))
            if threads > 1 and len(found) >= _FEWEST:
                taken, spare = self._count(phase, owner), Count(owner != to.thread)
                yield Take(self._stored(found), Count(len(found)), taken, spare)
            elif owner == to.thread:
                yield from chain.from_iterable(found)

    def _count(self, phase: str, owner: int) -> Address:
        """Where the number of the taken pieces is."""
        if (phase, owner) not in self._taken:
            self._taken[phase, owner] = self._arena.words(_LINE, f"taken of {phase}, thread {owner + 1}")
        return self._taken[phase, owner]

    def _stored(self, pieces: Sequence[Sequence[Instruction]]) -> Address:
        """The pieces' plans in memory, which are parts of one."""
        whole, _ = self._arena.plan(list(chain.from_iterable(pieces)))
        counts = np.array([len(piece) for piece in pieces])
        begins = whole.address + 8 * (np.cumsum(counts) - counts)
        assert size_of(Plan) == 16
        address = self._arena.keep(np.stack([begins, counts], axis=1))
        self._arena.hold(pieces, address)
        return address


def cut(each: Share, depth: int, batch: int, *, by_rows: bool) -> list[Share]:
    """Cut a share of a product of so deep: into groups of columns, or, if there are few and `by_rows`, of rows.

    >>> [(each.first, each.width) for each in cut(Share(512, 512), 1024, 128, by_rows=True)][:2]
    [(512, 64), (576, 64)]
    >>> [str(each.rows) for each in cut(Share(0, 128), 784, 64, by_rows=True)]
    ['1/4', '2/4', '3/4', '4/4']
    """
    products = batch * depth * each.width
    if each.rows.parts > 1:
        return [each]
    if each.width >= _FEWEST * _COLUMNS:
        parts = parts_of(products, each.width // _COLUMNS)
        bounds = [each.width // GROUP * part // parts * GROUP for part in range(parts + 1)]
        return [Share(each.first + first, stop - first) for first, stop in pairwise(bounds)]
    parts = parts_of(products, batch // _ROWS) if by_rows else 1
    return [replace(each, rows=Rows(Count(part), Count(parts))) for part in range(parts)]


def renewed(instructions: Sequence[Instruction]) -> list[Instruction]:
    """What makes the pieces of a thread's own lists untaken."""
    return [Renew(each.taken) for each in instructions if isinstance(each, Take) and not each.spare]
