"""A recipe's formulas as kernels with their constants, ready for plans."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.codegen.dropout import dropout
from deltarule.engines.compiled.codegen.structs import Address, Count, Stride
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Loss
from deltarule.engines.compiled.plan.layout import Share, padded
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.names import SCRATCH
from deltarule.engines.compiled.plan.normalized_layers import Normalizations
from deltarule.engines.compiled.plan.regularization import Dropout, DropoutAgain, Noise
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import NO_KERNEL, KernelCall
from deltarule.engines.compiled.plan.update_kernels import UpdateKernels
from deltarule.engines.problem import Problem, squared_distance, wrong_side
from deltarule.formulas.random import dropped_below
from deltarule.recipes import Network

__all__ = ["Formulas", "Predicting"]


class Predicting:
    """The kernels of a network that predicts: of its activations and of its normalisation, where it has one."""

    def __init__(self, arena: Arena, network: Network, threads: int = 1) -> None:
        values = [formula_kernels.activation_value(each, arena.dtype) for each in network.activations]
        self._arena = arena
        self.values = [arena.constants(kernel) for kernel in values]
        formula = network.normalization
        self.normalization = None if formula is None else Normalizations(arena, formula, threads)

    @property
    def operands(self) -> int:
        """Addresses that a kernel takes at the most."""
        return self._arena.operands


class Formulas(Predicting):
    """The kernels of a problem, and each thread's room for what their prologues make."""

    def __init__(self, arena: Arena, problem: Problem, threads: int) -> None:
        dtype, recipe = arena.dtype, problem.recipe
        network = recipe.network
        super().__init__(arena, network, threads)
        self.rates, self.deviations = network.dropout_rates, network.noise_deviations
        weighted, classes = problem.train.weights is not None, problem.train.classes
        counted = classes and problem.train.outputs > 1
        self.slopes = [
            arena.constants(formula_kernels.activation_slope(each, dtype, from_z=rate > 0 or deviation > 0))
            for each, rate, deviation in zip(problem.activations, self.rates[1:], self.deviations[1:], strict=True)
        ]
        self._single = single = problem.train.outputs == 1
        error = None if counted else wrong_side if problem.train.labelled else squared_distance
        self._losses = {
            True: formula_kernels.loss(problem.loss, dtype, error, gradient=True, weighted=weighted, single=single),
            False: formula_kernels.loss(problem.loss, dtype, error, gradient=False, single=single),
        }
        self.updates = UpdateKernels(arena, recipe, threads, problem.batch_weight)
        self._rooms = [{which: arena.room(kernel) for which, kernel in self._losses.items()} for _ in range(threads)]
        self._dropout = dropout(dtype) if any(self.rates) else None
        self._scales = [arena.keep(np.array([1.0 / (1.0 - rate)], dtype)) for rate in self.rates]
        self._noises = [
            arena.constants(formula_kernels.noise(dtype), deviation=deviation) if deviation else NO_KERNEL
            for deviation in self.deviations
        ]

    def loss(
        self, passage: Passage, source: Source, rows: Share, thread: int, *, training: bool
    ) -> Iterator[Instruction]:
        """Losses and errors of some rows, and in training dz."""
        kernel = self._losses[training]
        scalars, constants = self._rooms[thread][training]
        z, nowhere = passage.z[-1], Address(0)
        yield Loss(
            prologue=Address(kernel.prologue),
            scalars=scalars,
            kernel=KernelCall(Address(kernel.body), constants),
            z=z.address,
            y=passage.y.address,
            batch_weights=source.batch_weights(passage) if training else nowhere,
            dz=passage.d[-1].address if training else nowhere,
            losses=passage.losses,
            errors=nowhere if source.counted else passage.errors,
            width=Count(source.outputs),
            columns=z.stride,
            order=source.order,
            weights=source.weights,
            rows=rows.split,
            scratch=self._arena.numbers(6 * padded(passage.rows), SCRATCH) if self._single else nowhere,
        )
        if source.counted:
            yield source.count(passage, rows)

    def noise(self, layer: int, passage: Passage, rows: Share, room: Address) -> Instruction:
        """Add noise to a layer's inputs."""
        inputs = passage.inputs(layer)
        kernel = self._noises[layer]
        return Noise(inputs.address, inputs.row, inputs.columns, Count(layer), kernel, room, rows.split)

    def drop(self, layer: int, passage: Passage, rows: Share) -> Instruction:
        """Draw a layer's dropout and multiply it in."""
        assert self._dropout is not None
        inputs = passage.inputs(layer)
        return Dropout(
            draw=Address(self._dropout.draw),
            numbers=inputs.address,
            row=inputs.row,
            columns=inputs.stride,
            layer=Count(layer),
            threshold=int(dropped_below(self.rates[layer])),
            scale=self._scales[layer],
            mask=passage.masks[layer],
            mask_row=Stride(inputs.stride // 8),
            rows=rows.split,
        )

    def drop_again(self, layer: int, passage: Passage, rows: Share) -> Instruction:
        """Multiply a layer's dropout into what goes back."""
        assert self._dropout is not None
        below = passage.d[layer - 1]
        return DropoutAgain(
            repeat=Address(self._dropout.repeat),
            numbers=below.address,
            row=below.row,
            columns=below.stride,
            scale=self._scales[layer],
            mask=passage.masks[layer],
            mask_row=Stride(below.stride // 8),
            rows=rows.split,
        )
