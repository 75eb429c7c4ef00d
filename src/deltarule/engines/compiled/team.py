"""The threads that train together: the parameters divided among them, and the program that each follows."""

from __future__ import annotations

import contextvars
import ctypes
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.division import Division
from deltarule.engines.compiled.formulas import Formulas
from deltarule.engines.compiled.instructions import Own, Setting
from deltarule.engines.compiled.kernels import GROUP
from deltarule.engines.compiled.layout import Layout, padded
from deltarule.engines.compiled.lines import table
from deltarule.engines.compiled.memory import Arena, Passage, aligned
from deltarule.engines.compiled.pointers import barrier_block
from deltarule.engines.compiled.products import WORKSPACE_BYTES
from deltarule.engines.compiled.program import Writer
from deltarule.engines.compiled.source import Source
from deltarule.engines.compiled.updates import SCRATCH_ROWS, Updates
from deltarule.engines.problem import Problem
from deltarule.engines.stepping import stepped
from deltarule.errors import Interrupted

__all__ = ["BLOCK", "Team"]

_CALLED = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 7)
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
        self._layout = Layout(problem.shape, steppers, self._dtype.itemsize)
        written = formulas.updates.whole or formulas.normalization is not None
        self._parameters = aligned(self._layout.items * (formulas.updates.regions + written), self._dtype)
        self._best = aligned(self._layout.items, self._dtype)
        self._own = np.zeros((threads, Own.COUNT), np.int64)
        self._barrier = barrier_block()
        self._passages = [arena]
        self._rows = 0
        self._formula = _CALLED(self._called) if formulas.updates.handed_over else None
        self._stepped, self._context = 0, contextvars.copy_context()
        self._failure: BaseException | None = None

    @property
    def theta(self) -> npt.NDArray[np.floating]:
        """θ and the state after the last step, or their mean."""
        return self._layout.unpack(self._region(self._formulas.updates.averaged))

    @property
    def best_theta(self) -> npt.NDArray[np.floating]:
        """The best so far."""
        return self._layout.unpack(self._best)

    @property
    def slots(self) -> list[npt.NDArray[np.floating]]:
        """What the optimizer remembers, (learnt,) each."""
        numbers, learnt = range(1, 1 + len(self._problem.recipe.optimizer.slots)), self._problem.shape.learnt
        return [self._layout.unpack(self._region(number))[:learnt] for number in numbers]

    def start(self, theta: npt.NDArray[np.floating], slots: Sequence[npt.NDArray[np.floating]]) -> None:
        """Begin with θ and a state, and with what the optimizer remembers."""
        for held in (self._region(0), self._region(self._formulas.updates.averaged), self._best):
            self._layout.pack(theta, held)
        rest = np.zeros(self._problem.shape.total - self._problem.shape.learnt)
        for number, slot in enumerate(slots, start=1):
            self._layout.pack(np.concatenate([slot, rest]), self._region(number))

    def take_over(self, other: Team) -> None:
        """Go on from where another team has come."""
        for number in range(self._formulas.updates.regions):
            self._layout.pack(other._layout.unpack(other._region(number)), self._region(number))
        self._layout.pack(other.best_theta, self._best)

    def ready(self, step: int) -> None:
        """Take note of the last step and of the caller's context, such as `np.errstate`, before the machine runs."""
        self._stepped, self._context = step, contextvars.copy_context()

    def _called(self, *words: int) -> None:
        """Have the formula itself step, once the gradient is written down: called by one thread, the others waiting.

        Nothing may be raised through compiled code. See `runs_python` for signals.
        """
        try:
            self._context.run(self._step, *words)
        except BaseException as error:  # noqa: BLE001
            self._failure = error

    def _step(self, _line: int, settings: int, _own: int, first: int, size: int, step: int, place: int) -> None:
        """Make a step; none any more once one has failed."""
        if self._failure is None and self._stepped == step - 1:
            regions, learnt = self._formulas.updates.regions, self._problem.shape.learnt
            rates = ctypes.c_int64.from_address(settings + 8 * Setting.RATES).value
            rate = ctypes.c_double.from_address(rates + 8 * place).value
            parameters, gradient = (self._layout.unpack(self._region(number)) for number in (0, regions))
            numbers = range(1, 1 + len(self._problem.recipe.optimizer.slots))
            slots = [self._layout.unpack(self._region(number)) for number in numbers]
            with np.errstate(over="ignore", invalid="ignore"):
                held = [slot[:learnt] for slot in slots]
                weight = self._batch_weight(settings, first, size)
                after = stepped(self._problem, parameters, gradient[:learnt], weight, step, rate, held)
            self._layout.pack(parameters, self._region(0))
            for number, slot, made in zip(numbers, slots, after, strict=True):
                slot[:learnt] = made
                self._layout.pack(slot, self._region(number))
            self._stepped = step

    @property
    def runs_python(self) -> bool:
        """Whether the interpreter is called in every step: then no thread of the team should be the caller's own.

        Signals are handled in Python's main thread alone, and their handlers may raise anything at any point of it.
        """
        return self._formula is not None

    def check(self, step: int) -> None:
        """Raise where the formula has failed, or has not made all steps up to this one."""
        if self._failure is not None:
            raise self._failure
        if self._formula is not None and self._stepped != step:
            raise Interrupted(f"{step} steps of {self._problem.recipe.optimizer.name}", f"{self._stepped}")

    def _batch_weight(self, settings: int, first: int, size: int) -> float:
        """What the batch weighs that begins at a place of the order."""
        order = ctypes.c_int64.from_address(settings + 8 * Setting.ORDER).value
        rows = np.ctypeslib.as_array((ctypes.c_int64 * size).from_address(order + 8 * first))
        weights = self._problem.train.weights
        return float(size if weights is None else weights[rows].sum())

    def _region(self, number: int) -> npt.NDArray[np.floating]:
        """The parameters (0), a slot (from 1), or the mean of the parameters, (items,)."""
        items = self._layout.items
        return self._parameters[number * items : (number + 1) * items]

    def settings(self) -> dict[Setting, int]:
        """Where the machine finds this team's memory."""
        item, updates = self._dtype.itemsize, self._formulas.updates
        start = self._region(updates.averaged).ctypes.data
        self._weights = np.array(
            [
                (
                    len(blocks),
                    block.fan_in,
                    start + block.offset * item,
                    block.stride * item,
                    block.width // GROUP,
                    *updates.penalty_value(block.layer),
                )
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
        arena = Arena(self._dtype)
        own = np.zeros_like(self._own)
        sizes, formulas = self._problem.sizes, self._formulas
        normalized = formulas.normalization is not None
        passage = Passage(arena, rows, sizes, formulas.rates, backward=True, normalized=normalized)
        widest = max(*(block.stride for blocks in self._layout.blocks for block in blocks), *map(padded, sizes))
        one = arena.keep(np.ones(1, self._dtype))
        squares = arena.words(sum(map(padded, sizes)))
        for thread in range(self.threads):
            to = self._division(thread, 0)
            updates = Updates(
                to=to,
                kernels=formulas.updates,
                normalized=normalized,
                idle=bool(self._problem.shape.idle().any()),
                bounded=self._problem.recipe.constraint is not None,
                one=one,
                scratch=arena.numbers(SCRATCH_ROWS * widest),
                squares=squares,
                formula=0 if self._formula is None else ctypes.cast(self._formula, ctypes.c_void_p).value or 0,
            )
            writer = Writer(to, formulas, updates)
            programs = {}
            if thread < self._steppers:
                programs[Own.PROGRAM] = table(writer.step(self._sources["step"], passage, self._problem.record))
            alone = Passage(arena, BLOCK, sizes, formulas.rates, backward=False, normalized=normalized)
            predicting = self._division(thread, formulas.updates.averaged)
            for place, part in ((Own.TRAIN_PROGRAM, "train"), (Own.VALIDATION_PROGRAM, "validation")):
                if part in self._sources:
                    programs[place] = table(writer.evaluation(self._sources[part], alone, predicting))
            for place, program in programs.items():
                own[thread, place], own[thread, place + 1] = arena.keep(program), len(program)
            own[thread, Own.WORKSPACE] = arena.keep(aligned(WORKSPACE_BYTES, np.uint8))
            own[thread, Own.OPERANDS] = arena.words(formulas.operands)
        # What the old programs point at is released when nothing points at them any more.
        self._passages.append(arena)
        self._own[:] = own
        self._passages, self._rows = [arena], rows

    def _division(self, thread: int, region: int) -> Division:
        item = self._dtype.itemsize
        address = self._region(region).ctypes.data
        return Division(self._layout, thread, address, self._layout.items * item, item)
