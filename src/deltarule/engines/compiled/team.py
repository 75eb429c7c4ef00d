"""The threads that train together: the parameters divided among them, and the program that each follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.formulas import Formulas
from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.kernels import GROUP
from deltarule.engines.compiled.layout import Layout
from deltarule.engines.compiled.lines import table
from deltarule.engines.compiled.memory import Arena, Passage, aligned
from deltarule.engines.compiled.pointers import barrier_block
from deltarule.engines.compiled.products import WORKSPACE_BYTES
from deltarule.engines.compiled.program import SCRATCH_ROWS, Writer
from deltarule.engines.compiled.source import Source
from deltarule.engines.problem import Problem

__all__ = ["BLOCK", "Team"]

BLOCK = 64
"""Rows evaluated at once: sums are added up by these blocks, so their number must not depend on the threads."""


class Team:
    """So many threads, with θ, the optimizer's slots and the best θ in memory as they divide it.

    `steppers` of them take the steps; the others only help to evaluate.
    """

    def __init__(
        self,
        arena: Arena,
        problem: Problem,
        formulas: Formulas,
        sources: Mapping[str, Source],
        threads: int,
        steppers: int,
    ) -> None:
        self.threads, self._steppers = threads, steppers
        self._problem, self._formulas, self._sources = problem, formulas, sources
        self._dtype = arena.dtype
        self._layout = Layout(problem.sizes, steppers, self._dtype.itemsize)
        self._parameters = aligned(self._layout.items * (1 + formulas.slots), self._dtype)
        self._best = aligned(self._layout.items, self._dtype)
        self._own = np.zeros((threads, Own.COUNT), np.int64)
        self._barrier = barrier_block()
        self._passages = arena
        self._rows = 0

    @property
    def theta(self) -> npt.NDArray[np.floating]:
        """θ after the last step."""
        return self._layout.unpack(self._parameters[: self._layout.items])

    @property
    def best_theta(self) -> npt.NDArray[np.floating]:
        """The best θ so far."""
        return self._layout.unpack(self._best)

    @property
    def slots(self) -> list[npt.NDArray[np.floating]]:
        """What the optimizer remembers, each shaped like θ."""
        return [self._layout.unpack(self._part(place)) for place in range(1, 1 + self._formulas.slots)]

    def start(self, theta: npt.NDArray[np.floating], slots: Sequence[npt.NDArray[np.floating]]) -> None:
        """Begin with θ and its slots."""
        for place, numbers in enumerate((theta, *slots)):
            self._layout.pack(numbers, self._part(place))
        self._layout.pack(theta, self._best)

    def take_over(self, other: Team) -> None:
        """Go on from where another team has come."""
        self.start(other.theta, other.slots)
        self._layout.pack(other.best_theta, self._best)

    def _part(self, place: int) -> npt.NDArray[np.floating]:
        """The memory of θ, the first, or of a slot."""
        items = self._layout.items
        return self._parameters[place * items : (place + 1) * items]

    def settings(self) -> dict[Setting, int]:
        """Where the machine finds this team's memory."""
        item, start = self._dtype.itemsize, self._parameters.ctypes.data
        self._weights = np.array(
            [
                (len(blocks), block.fan_in, start + block.offset * item, block.stride * item, block.width // GROUP)
                for blocks in self._layout.blocks
                for block in blocks
            ],
            np.int64,
        )
        return {
            Setting.THREADS: self.threads,
            Setting.STEPPERS: self._steppers,
            Setting.BARRIER: self._barrier.ctypes.data,
            Setting.OWN: self._own.ctypes.data,
            Setting.PARAMETERS: start,
            Setting.BEST: self._best.ctypes.data,
            Setting.ITEMS: self._layout.items,
            Setting.WEIGHTS: self._weights.ctypes.data,
            Setting.LAYERS: len(self._layout.blocks),
        }

    def make_room(self, rows: int) -> None:
        """Write the threads' programs for batches of at most `rows` samples, unless they are."""
        if rows <= self._rows:
            return
        self._rows = rows
        self._passages = arena = Arena(self._dtype)
        sizes, rates = self._problem.sizes, self._formulas.rates
        passage = Passage(arena, rows, sizes, rates, backward=True)
        widest = max(block.stride for blocks in self._layout.blocks for block in blocks)
        one = arena.keep(np.ones(1, self._dtype))
        for thread in range(self.threads):
            writer = Writer(
                layout=self._layout,
                formulas=self._formulas,
                thread=thread,
                parameters=self._parameters.ctypes.data,
                apart=self._layout.items * self._dtype.itemsize,
                one=one,
                scratch=arena.numbers(SCRATCH_ROWS * widest),
            )
            programs = {}
            if thread < self._steppers:
                programs[Own.PROGRAM] = table(writer.step(self._sources["step"], passage, self._problem.record))
            alone = Passage(arena, BLOCK, sizes, rates, backward=False)
            for place, part in ((Own.TRAIN_PROGRAM, "train"), (Own.VALIDATION_PROGRAM, "validation")):
                if part in self._sources:
                    programs[place] = table(writer.evaluation(self._sources[part], alone))
            for place, program in programs.items():
                self._own[thread, place], self._own[thread, place + 1] = arena.keep(program), len(program)
            self._own[thread, Own.WORKSPACE] = arena.keep(aligned(WORKSPACE_BYTES, np.uint8))
            self._own[thread, Own.OPERANDS] = arena.words(32)
