"""Work stealing: a thread takes pieces of work from its own list first, then from the lists of slower threads.

Cores differ: some processors have fast and slow ones, and a core may have other programs to run. Divided in advance,
every phase of a step takes as long as its slowest thread. Which thread does a piece changes no bit of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.engines.compiled.plan.instruction import Instruction, Work, follow
from deltarule.engines.compiled.plan.tables import Plan, Thread
from deltarule.native.memory import add_atomically, load_atomically, store_atomically, struct_at
from deltarule.native.structs import Address, Count, size_of

__all__ = ["Renew", "Take"]


@dataclass(frozen=True)
class Take(Instruction):
    """Do pieces of a list, one after the other, until only `spare` of them are left.

    pieces : their `Plan`s. taken : how many of them threads have taken. Of another thread's list one is spared: to
    fetch its numbers from that core takes about as long as to wait.
    """

    pieces: Address
    count: Count
    taken: Address
    spare: Count

    def equation(self) -> str:
        return "pieces of another thread's list, of {count}, while two are left" if self.spare else "{count} pieces:"

    def execute(self, thread: Thread) -> None:
        while load_atomically(self.taken) + self.spare < self.count:
            piece = add_atomically(self.taken, 1)
            if piece >= self.count:
                break
            follow(struct_at(Plan, self.pieces + size_of(Plan) * piece), thread)

    def define(self, work: Work) -> None:
        taken = work.vector(self.taken, 1, np.int64)
        while taken[0] + self.spare < self.count:
            piece = work.found(self.pieces)[taken[0]]
            taken[0] += 1
            for each in piece:
                each.define(work)


@dataclass(frozen=True)
class Renew(Instruction):
    """Make all pieces of a list untaken, of which no thread takes any until all have waited once more."""

    taken: Address

    def equation(self) -> str:
        return "{taken} = 0"

    def execute(self, thread: Thread) -> None:  # noqa: ARG002
        store_atomically(self.taken, 0)

    def define(self, work: Work) -> None:
        work.vector(self.taken, 1, np.int64)[:] = 0
