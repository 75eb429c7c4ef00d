"""The threads that train together: the parameters divided among them, and the plan that each follows."""

from __future__ import annotations

import contextvars
import ctypes
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.plan.formulas import Formulas
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import Division, Layout
from deltarule.engines.compiled.plan.lists import Lists
from deltarule.engines.compiled.plan.member_layers import joined
from deltarule.engines.compiled.plan.memory import Arena, Passage, aligned
from deltarule.engines.compiled.plan.printing import SCRATCH, Named, Names, Printer
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.step import Writer
from deltarule.engines.compiled.plan.tables import Run, Thread
from deltarule.engines.compiled.plan.update_step import SCRATCH_ROWS, Updates
from deltarule.engines.compiled.runtime.epochs import WeightBlock
from deltarule.engines.problem import Problem
from deltarule.engines.stepping import stepped
from deltarule.errors import Interrupted
from deltarule.native.bfloat16 import paired
from deltarule.native.products import GROUP, padded
from deltarule.native.rounded_products import rounds, workspace_bytes
from deltarule.native.structs import Address, Count, Record, packed, size_of
from deltarule.native.threads import barrier

__all__ = ["BLOCK", "Team"]

_CALLED = ctypes.CFUNCTYPE(None, ctypes.c_int64)
BLOCK = 64
"""Rows evaluated at once: sums are added up by these blocks, so their number must not depend on the threads."""
_SECOND_CACHE = 1 << 20  # bytes; most cores have as much or more


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
        run: Record[Run],
        sums: int,
    ) -> None:
        self.threads, self._steppers, self._run, self._sums = threads, steppers, run, sums
        self._problem, self._formulas, self._sources = problem, formulas, sources
        self._dtype = arena.dtype
        batch = min(problem.recipe.batch_size, len(problem.train))
        self._layout = Layout(problem.shape, steppers, self._dtype.itemsize, batch * problem.shape.members)
        written = formulas.writes_gradients
        self._parameters = aligned(self._layout.items * (formulas.updates.regions + written), self._dtype)
        self._best = aligned(self._layout.items, self._dtype)
        # Whoever changes the weights slice by slice keeps their pairs; a constraint would change them again.
        in_slices = not formulas.updates.whole and problem.recipe.constraint is None
        self._pairs = aligned(self._layout.items if in_slices and rounds(run["tiles"]) else 0, np.uint32)
        self._names = Names(self._named(formulas))
        self._table = np.zeros((threads, size_of(Thread) // 8), np.int64)
        self._words, self._barrier = barrier()
        self.plans: list[dict[str, list[Instruction]]] = []
        self._passages = [arena]
        self._rows = 0
        self._formula = _CALLED(self._called) if formulas.updates.handed_over else None
        self._stepped, self._context, self._errors = 0, contextvars.copy_context(), np.geterr()
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
        """The optimizer's state, (trained,) for each slot."""
        numbers, trained = range(1, 1 + len(self._problem.recipe.optimizer.slots)), self._problem.shape.trained
        return [self._layout.unpack(self._region(number))[:trained] for number in numbers]

    @property
    def parameters(self) -> npt.NDArray[np.floating]:
        """θ and the state after the last step, also where their mean is kept."""
        return self._layout.unpack(self._region(0))

    def start(self, theta: npt.NDArray[np.floating]) -> None:
        """Begin with θ and a state, and with slots of 0."""
        trained = self._problem.shape.trained
        self.restore(theta, theta, theta, [np.zeros(trained) for _ in self._problem.recipe.optimizer.slots])

    def restore(
        self,
        parameters: npt.NDArray[np.floating],
        average: npt.NDArray[np.floating] | None,
        best: npt.NDArray[np.floating],
        slots: Sequence[npt.NDArray[np.floating]],
    ) -> None:
        """Continue with parameters, their mean, the best ones, and what the optimizer remembers."""
        self._layout.pack(parameters if average is None else average, self._region(self._formulas.updates.averaged))
        self._layout.pack(parameters, self._region(0))
        self._layout.pack(best, self._best)
        self._remember(slots)
        self._pair_weights()

    def _remember(self, slots: Sequence[npt.NDArray[np.floating]]) -> None:
        """Set the optimizer's state, (trained,) for each slot."""
        rest = np.zeros(self._problem.shape.total - self._problem.shape.trained)
        for number, slot in enumerate(slots, start=1):
            self._layout.pack(np.concatenate([slot, rest]), self._region(number))

    def take_over(self, other: Team) -> None:
        """Copy the parameters and the optimizer's state of another team."""
        for number in range(self._formulas.updates.regions):
            self._layout.pack(other._layout.unpack(other._region(number)), self._region(number))
        self._layout.pack(other.best_theta, self._best)
        self._pair_weights()

    def _pair_weights(self) -> None:
        """Write the pairs of all weights that are kept."""
        if self._pairs.size:
            for block in self._layout.every:
                weights = self._region(0)[block.offset :][: block.fan_in * block.stride].reshape(-1, block.stride)
                pairs = paired(weights).ravel()
                self._pairs[block.offset :][: pairs.size] = pairs

    def ready(self, step: int) -> None:
        """Store the last step and the caller's context (for example `np.errstate`) before the compiled loop runs."""
        self._stepped, self._context = step, contextvars.copy_context()
        self._errors = np.geterr()  # NumPy 1 keeps it by thread, not by context

    def _called(self, address: int) -> None:
        """Have the formula itself step, once the gradient is written down: called by one thread, the others waiting.

        Nothing may be raised through compiled code. See `runs_python` for signals.
        """
        try:
            self._context.run(self._step, address)
        except BaseException as error:  # noqa: BLE001
            self._failure = error

    def _step(self, address: int) -> None:
        """Make a step; none any more once one has failed."""
        thread = Record(Thread, at=self._table[(address - self._table.ctypes.data) // size_of(Thread)])
        step = thread["step"]
        if self._failure is None and self._stepped == step - 1:
            regions, trained = self._formulas.updates.regions, self._problem.shape.trained
            rate, decay = (self._factor(name, thread["place"]) for name in ("rates", "decay_rates"))
            parameters, gradient = (self._layout.unpack(self._region(number)) for number in (0, regions))
            with np.errstate(**self._errors | {"over": "ignore", "invalid": "ignore"}):
                weight = self._batch_weight(thread["first"], thread["size"])
                slots = stepped(self._problem, parameters, gradient[:trained], weight, step, rate, self.slots, decay)
            self._layout.pack(parameters, self._region(0))
            self._remember(slots)
            self._stepped = step

    def _factor(self, schedule: str, place: int) -> float:
        """A schedule's factor at one of this call's steps; 1 without the schedule."""
        factors = self._run[schedule]
        return ctypes.c_double.from_address(factors + 8 * place).value if factors else 1.0

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

    def _batch_weight(self, first: int, size: int) -> float:
        """What the batch weighs that begins at a place of the order."""
        rows = np.ctypeslib.as_array((ctypes.c_int64 * size).from_address(self._run["order"] + 8 * first))
        weights = self._problem.train.weights
        return float(size if weights is None else weights[rows].sum())

    def _region(self, number: int) -> npt.NDArray[np.floating]:
        """The parameters (0), a slot (from 1), or the mean of the parameters, (items,)."""
        items = self._layout.items
        return self._parameters[number * items : (number + 1) * items]

    def describe_to(self, run: Record[Run]) -> None:
        """Say where this team's memory is."""
        updates = self._formulas.updates
        to = self._division(0, updates.averaged)
        blocks = [block for blocks in self._layout.blocks for block in blocks]
        weights = [
            WeightBlock(
                blocks=Count(len(self._layout.blocks[block.layer])),
                rows=Count(block.fan_in),
                weights=to.matrix(block),
                groups=Count(block.width // GROUP),
                penalty=updates.penalty_value(block.layer),
            )
            for block in blocks
        ]
        self._weights = np.array([packed(each) for each in weights], np.int64)
        run.set(
            threads=self.threads,
            steppers=self._steppers,
            barrier=self._barrier.address,
            table=self._table.ctypes.data,
            parameters=to.parameters,
            best=self._best.ctypes.data,
            items=self._layout.items,
            weights=self._weights.ctypes.data,
            layers=len(self._layout.blocks),
        )

    def make_room(self, rows: int) -> None:
        """Write the threads' plans for batches of at most `rows` samples, unless they are."""
        if rows <= self._rows:
            return
        arena, made = Arena(self._dtype), list[dict[str, list[Instruction]]]()
        table = np.zeros_like(self._table)
        shape, formulas = self._problem.shape, self._formulas
        sizes = shape.sizes
        to_inputs = formulas.perturbation is not None
        passage = Passage(arena, rows, shape, formulas.rates, backward=True, to_inputs=to_inputs)
        widest = max(*(block.stride for block in self._layout.every), *map(padded, sizes))
        one = arena.keep(np.ones(1, self._dtype), "1")
        squares = arena.words(self._layout.columns, "squares")
        lists = Lists(arena, of_products=not rounds(self._run["tiles"]))
        for thread in range(self.threads):
            to = self._division(thread, 0)
            updates = Updates(
                to=to,
                lists=lists,
                kernels=formulas.updates,
                idle=bool(shape.idle().any()),
                bounded=self._problem.recipe.constraint is not None,
                one=one,
                scratch=arena.numbers(SCRATCH_ROWS * widest, SCRATCH),
                squares=squares,
                formula=Address(0 if self._formula is None else ctypes.cast(self._formula, ctypes.c_void_p).value or 0),
            )
            writer = Writer(to, formulas, updates, lists)
            plans: dict[str, list[Instruction]] = {}
            if thread < self._steppers:
                own = passage.with_own_inputs(arena, shape.inputs) if self._own_inputs(passage) else passage
                plans["training"] = list(joined(writer.step(self._sources["step"], own, self._problem.record)))
            alone = Passage(arena, BLOCK, shape, formulas.rates, backward=False)
            predicting = self._division(thread, formulas.updates.averaged)
            for field, name in (("train_evaluation", "train"), ("validation", "validation")):
                if name in self._sources:
                    plans[field] = list(joined(writer.evaluation(self._sources[name], alone, predicting)))
            made.append(plans)
            record = Record(Thread, at=table[thread])
            for field, plan in plans.items():
                record.put(field, arena.plan(plan)[0])
            record.set(
                run=self._run.address,
                workspace=arena.keep(
                    aligned(workspace_bytes(self._run["tiles"], rows * shape.members, widest), np.uint8), SCRATCH
                ),
                operands=arena.words(formulas.arena.operands, SCRATCH),
                training_sums=self._sums,
                sums=self._sums,
            )
        # What the old plans point at is released when nothing points at them any more.
        self._passages.append(arena)
        self._table[:] = table
        self._passages, self._rows, self.plans = [arena], rows, made

    def _own_inputs(self, passage: Passage) -> bool:
        """Whether each stepping thread builds the whole batch, where its rows stay in the core's second cache.

        It is quicker to convert a row once more than to fetch what another core has converted.
        """
        formulas = self._formulas
        changed = formulas.rates[0] or formulas.deviations[0] or self._problem.raw is not None
        between = formulas.trained_before or formulas.members is not None or formulas.perturbation is not None
        small = passage.rows * passage.x.row <= _SECOND_CACHE // 2
        return self._steppers > 1 and small and not changed and not between

    def text(self, arena: Arena) -> str:
        """The threads' plans, printed; `arena` is the one that the formulas' and the data's memory came from."""
        printer = Printer([self._names, *(each.names for each in (arena, *self._passages))])
        headings = {
            "training": f"A training step of at most {self._rows} samples",
            "train_evaluation": f"Evaluating a block of at most {BLOCK} training samples",
            "validation": f"Evaluating a block of at most {BLOCK} validation samples",
        }
        given = {field: [plans[field] for plans in self.plans if field in plans] for field in headings}
        return printer.text((heading, given[field]) for field, heading in headings.items() if given[field])

    def _named(self, formulas: Formulas) -> Iterator[Named]:
        """The names of all regions of the parameters."""
        slots = [f"{slot} of " for slot in self._problem.recipe.optimizer.slots]
        averaged = ["average of "] * bool(formulas.updates.averaged)
        written = ["d"] * formulas.writes_gradients
        for number, prefix in enumerate(["", *slots, *averaged, *written]):
            yield from self._layout.named(self._region(number).ctypes.data, self._dtype.itemsize, prefix)

    def _division(self, thread: int, region: int) -> Division:
        item = self._dtype.itemsize
        address = self._region(region).ctypes.data
        pairs = self._pairs.ctypes.data if region == 0 and self._pairs.size else 0
        return Division(self._layout, thread, address, self._layout.items * item, item, pairs)
