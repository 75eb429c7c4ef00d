"""A recipe's formulas as kernels, with each thread's room for the constants that their prologues make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.codegen.random_numbers import dropout
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Loss, PrepareConstants
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.normalized_layers import Normalizations
from deltarule.engines.compiled.plan.printing import SCRATCH
from deltarule.engines.compiled.plan.regularization import Dropout, DropoutAgain, Noise
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import NO_KERNEL, NOT_PREPARED, KernelCall, PreparedKernel, Rows
from deltarule.engines.problem import Problem, squared_distance, wrong_side
from deltarule.formulas import Penalty
from deltarule.formulas.random import dropped_below
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count
from deltarule.recipes import Network, Recipe

__all__ = ["Formulas", "Predicting", "UpdateKernels"]


class UpdateKernels:
    """What an update needs: a kernel for each of the penalties in use, and one for what no penalty sees.

    whole : whether the gradient is written down whole before any step, because a norm of it decides, or because the
        optimizer is of granularity "matrix"; the latter is `handed_over` to the formula as it stands.
    apart : whether the weights' mean is taken apart from the step, because they are bounded after it.
    slots : of the kernels; `averaged` is which of the slots in memory, from 1, holds the mean, or 0.
    """

    def __init__(self, arena: Arena, recipe: Recipe, threads: int, batch_weight: float) -> None:
        dtype, clipping, averaging = arena.dtype, recipe.clipping, recipe.averaging
        self.penalties = recipe.penalties
        self.by_norm = clipping is not None and clipping.granularity == "matrix"
        self.handed_over = recipe.optimizer.granularity == "matrix"
        self.whole = self.by_norm or self.handed_over
        self.apart = averaging is not None and (recipe.constraint is not None or self.handed_over)
        remembered = len(recipe.optimizer.slots)
        self.averaged = remembered + 1 if averaging is not None else 0
        self.regions = 1 + remembered + (averaging is not None)
        self.slots = remembered + (averaging is not None and not self.apart)
        used = dict.fromkeys(penalty for penalty in self.penalties if penalty is not None)
        fused = None if self.apart else averaging
        steps = {
            penalty: formula_kernels.update(recipe.optimizer, penalty, dtype, clipping, fused, whole=self.whole)
            for penalty in dict.fromkeys(() if self.handed_over else (*self.penalties, None))
        }
        gradients = {
            penalty: formula_kernels.objective_gradient(penalty, dtype)
            for penalty in used
            if self.whole and not penalty.takes_prox
        }
        means = {None: formula_kernels.average(averaging, dtype)} if averaging is not None and self.apart else {}
        self._steps, self._gradients, self._means = (
            [{penalty: arena.prepared(kernel) for penalty, kernel in kernels.items()} for _ in range(threads)]
            for kernels in (steps, gradients, means)
        )
        self._values: dict[object, KernelCall] = {None: NO_KERNEL}
        for penalty in used:
            value = formula_kernels.penalty_value(penalty, dtype)
            self._values[penalty] = arena.constants(value, share=float(penalty.share(batch_weight)))
        by_norm = clipping is not None and self.by_norm
        self.clip = arena.constants(formula_kernels.factor(clipping)) if by_norm else NO_KERNEL
        bound = recipe.constraint
        self.bound = arena.constants(formula_kernels.factor(bound)) if bound is not None else NO_KERNEL

    def prepared(self, thread: int) -> Iterator[Instruction]:
        """The constants for a step."""
        for kernels in (self._steps, self._means):
            yield from _prepared(kernels[thread])

    def prepared_gradients(self, thread: int) -> Iterator[Instruction]:
        """The constants of what makes the objective's gradient, where it is written down."""
        yield from _prepared(self._gradients[thread])

    def scalars(self, thread: int) -> list[Address]:
        """Where the scalars of the thread's updates are."""
        return [each.scalars for each in self._steps[thread].values()]

    def weights(self, layer: int, thread: int) -> KernelCall:
        """The optimizer's step on a layer's weights."""
        return self._steps[thread].get(self.penalties[layer], NOT_PREPARED).kernel

    def others(self, thread: int) -> KernelCall:
        """The optimizer's step on what no penalty sees: biases, γ and β."""
        return self._steps[thread].get(None, NOT_PREPARED).kernel

    def average(self, thread: int) -> KernelCall:
        """The mean of the weights, where it is taken apart."""
        return self._means[thread][None].kernel

    def penalty_value(self, layer: int) -> KernelCall:
        """The sum of a layer's penalty over some weights; 0 and 0 where it has none."""
        return self._values[self.penalties[layer]]

    def penalty_gradient(self, layer: int, thread: int) -> KernelCall:
        """What makes the objective's gradient of the loss's, where it is written down; 0 and 0 for nothing."""
        return self._gradients[thread].get(self.penalties[layer], NOT_PREPARED).kernel


def _prepared(kernels: Mapping[Penalty | None, PreparedKernel]) -> Iterator[Instruction]:
    """Have kernels' constants made for a step; a penalty may be divided by the batch's weight."""
    for penalty, prepared in kernels.items():
        yield PrepareConstants(prepared, penalty is not None and penalty.share(2.0) != 1.0)


class Predicting:
    """The kernels of a network that predicts: of its activations, and its layers' normalisations or None."""

    def __init__(self, arena: Arena, network: Network, threads: int = 1) -> None:
        values = [formula_kernels.activation_value(each, arena.dtype) for each in network.activations]
        self.arena = arena
        self.values = [arena.constants(kernel) for kernel in values]
        formula = network.normalization
        hidden = None if formula is None else Normalizations(arena, formula, threads)
        self.normalized = hidden is not None
        self.normalizations = [hidden] * len(values) + [None]


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
        losses = {
            True: formula_kernels.loss(problem.loss, dtype, error, gradient=True, weighted=weighted, single=single),
            False: formula_kernels.loss(problem.loss, dtype, error, gradient=False, single=single),
        }
        self.updates = UpdateKernels(arena, recipe, threads, problem.batch_weight)
        self._losses = [{which: arena.prepared(kernel) for which, kernel in losses.items()} for _ in range(threads)]
        self._dropout = dropout(dtype) if any(self.rates) else None
        self._scales = [arena.keep(np.array([1.0 / (1.0 - rate)], dtype)) for rate in self.rates]
        self._noises = [
            arena.constants(formula_kernels.noise(dtype), deviation=deviation) if deviation else NO_KERNEL
            for deviation in self.deviations
        ]

    def loss(
        self, passage: Passage, source: Source, rows: Rows, thread: int, *, training: bool
    ) -> Iterator[Instruction]:
        """Losses and errors of some rows, and in training dz."""
        z, nowhere = passage.z[-1], Address(0)
        yield Loss(
            prepared=self._losses[thread][training],
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
            rows=rows,
            scratch=self.arena.numbers(6 * padded(passage.rows), SCRATCH) if self._single else nowhere,
        )
        if source.counted:
            yield source.count(passage, rows)

    def noise(self, layer: int, passage: Passage, rows: Rows, room: Address) -> Instruction:
        """Add noise to a layer's inputs."""
        inputs = passage.inputs(layer)
        return Noise(inputs.part(), inputs.columns, Count(layer), self._noises[layer], room, rows)

    def drop(self, layer: int, passage: Passage, rows: Rows) -> Instruction:
        """Draw a layer's dropout and multiply it in."""
        assert self._dropout is not None
        inputs = passage.inputs(layer)
        return Dropout(
            draw=Address(self._dropout.draw),
            numbers=inputs.part(),
            columns=inputs.stride,
            layer=Count(layer),
            threshold=int(dropped_below(self.rates[layer])),
            scale=self._scales[layer],
            mask=passage.masks[layer],
            rows=rows,
        )

    def drop_again(self, layer: int, passage: Passage, rows: Rows) -> Instruction:
        """Multiply a layer's dropout into what goes back."""
        assert self._dropout is not None
        below = passage.d[layer - 1]
        return DropoutAgain(
            repeat=Address(self._dropout.repeat),
            numbers=below.part(),
            columns=below.stride,
            scale=self._scales[layer],
            mask=passage.masks[layer],
            rows=rows,
        )
