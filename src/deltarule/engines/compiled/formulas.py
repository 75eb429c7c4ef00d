"""A recipe's formulas as kernels with their constants, ready to stand in programs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltarule.engines.compiled import formula_kernels
from deltarule.engines.compiled.dropout import dropout
from deltarule.engines.compiled.instructions import Operation
from deltarule.engines.compiled.kernels import Kernel
from deltarule.engines.compiled.layout import Share, padded
from deltarule.engines.compiled.lines import Line, line
from deltarule.engines.compiled.memory import Arena, Passage
from deltarule.engines.compiled.source import Source
from deltarule.engines.problem import Problem, squared_distance, wrong_side
from deltarule.formulas.random import dropped_below

__all__ = ["Formulas"]


class Formulas:
    """The kernels of a problem, and each thread's room for what their prologues make."""

    def __init__(self, arena: Arena, problem: Problem, threads: int) -> None:
        dtype, recipe = arena.dtype, problem.recipe
        self._arena = arena
        self.item_bytes = dtype.itemsize
        self.rates = recipe.network.dropout_rates
        self.slots = len(recipe.optimizer.slots)
        weighted, classes = problem.train.weights is not None, problem.train.classes
        counted = classes and problem.train.outputs > 1
        self.values = [self._constant(formula_kernels.activation_value(each, dtype)) for each in problem.activations]
        self.slopes = [
            self._constant(formula_kernels.activation_slope(each, dtype, from_z=rate > 0))
            for each, rate in zip(problem.activations, self.rates[1:], strict=True)
        ]
        self._single = single = problem.train.outputs == 1
        error = None if counted else wrong_side if classes else squared_distance
        self._losses = {
            True: formula_kernels.loss(problem.loss, dtype, error, gradient=True, weighted=weighted, single=single),
            False: formula_kernels.loss(problem.loss, dtype, error, gradient=False, single=single),
        }
        # Whether a penalty is divided by the batch's weight.
        self._shared = recipe.penalty is not None and recipe.penalty.share(2.0) != 1.0
        weights = formula_kernels.update(recipe.optimizer, recipe.penalty, dtype)
        self._updates = {"weights": weights}
        if recipe.penalty is not None:
            self._updates["biases"] = formula_kernels.update(recipe.optimizer, None, dtype)
        self._rooms = [
            {
                **{which: self._room(kernel) for which, kernel in self._updates.items()},
                True: self._room(self._losses[True]),
                False: self._room(self._losses[False]),
            }
            for _ in range(threads)
        ]
        self.penalty = (0, 0)
        if recipe.penalty is not None:
            self.penalty = self._constant(formula_kernels.penalty_value(recipe.penalty, dtype))
        self._dropout = dropout(dtype) if any(self.rates) else None
        self._scales = [arena.keep(np.array([1.0 / (1.0 - rate)], dtype)) for rate in self.rates]

    def prepared(self, thread: int, source: Source) -> Iterator[Line]:
        """The optimizer's constants for a step: the weights', and the biases' where a penalty tells them apart."""
        for which, kernel in self._updates.items():
            scalars, constants = self._rooms[thread][which]
            yield line(
                Operation.PREPARE,
                prologue=kernel.prologue,
                scalars=scalars,
                constants=constants,
                shared=self._shared and which == "weights",
                order=source.order,
                weights=source.weights,
            )

    def weight_update(self, thread: int) -> tuple[int, int]:
        """The body and the constants of the optimizer's step on weights."""
        return self._updates["weights"].body, self._rooms[thread]["weights"][1]

    def bias_update(self, thread: int) -> tuple[int, int]:
        """The body and the constants of the optimizer's step on biases, which no penalty sees."""
        which = "biases" if "biases" in self._updates else "weights"
        return self._updates[which].body, self._rooms[thread][which][1]

    def loss(self, passage: Passage, source: Source, rows: Share, thread: int, *, training: bool) -> Iterator[Line]:
        """Losses and errors of some rows, and in training dz."""
        kernel = self._losses[training]
        scalars, constants = self._rooms[thread][training]
        z = passage.z[-1]
        yield line(
            Operation.LOSS,
            prologue=kernel.prologue,
            scalars=scalars,
            constants=constants,
            body=kernel.body,
            z=z.address,
            y=passage.y.address,
            batch_weights=source.batch_weights(passage) if training else 0,
            dz=passage.d[-1].address if training else 0,
            losses=passage.losses,
            errors=0 if source.counted else passage.errors,
            width=source.outputs,
            stride=z.stride,
            order=source.order,
            weights=source.weights,
            part=rows.part,
            parts=rows.parts,
            scratch=self._arena.numbers(6 * padded(passage.rows)) if self._single else 0,
        )
        if source.counted:
            yield source.count(passage, rows)

    def draw(self, layer: int, passage: Passage, rows: Share) -> Line:
        """Draw a layer's dropout and multiply it in."""
        assert self._dropout is not None
        inputs = passage.inputs(layer)
        return line(
            Operation.DRAW,
            function=self._dropout.draw,
            numbers=inputs.address,
            row=inputs.row,
            stride=inputs.stride,
            layer=layer,
            threshold=int(dropped_below(self.rates[layer])),
            scale=self._scales[layer],
            mask=passage.masks[layer],
            mask_row=inputs.stride // 8,
            part=rows.part,
            parts=rows.parts,
        )

    def repeat(self, layer: int, passage: Passage, rows: Share) -> Line:
        """Multiply a layer's dropout into what goes back."""
        assert self._dropout is not None
        below = passage.d[layer - 1]
        return line(
            Operation.REPEAT,
            function=self._dropout.repeat,
            numbers=below.address,
            row=below.row,
            stride=below.stride,
            scale=self._scales[layer],
            mask=passage.masks[layer],
            mask_row=below.stride // 8,
            part=rows.part,
            parts=rows.parts,
        )

    def _constant(self, kernel: Kernel) -> tuple[int, int]:
        """The body of a kernel whose scalars never change, and its constants."""
        self._arena.hold(kernel)
        return kernel.body, self._arena.keep(kernel.shared())

    def _room(self, kernel: Kernel) -> tuple[int, int]:
        """A kernel's scalars as they begin, and room for its constants."""
        scalars = np.array(kernel.values or (0.0,))
        return self._arena.keep(scalars), self._arena.numbers(max(1, kernel.constants))
