"""A recipe's formulas as kernels, with each thread's memory for the constants that their prologues make."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeAlias

import numpy as np

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.codegen.kernels import Kernel
from deltarule.engines.compiled.codegen.random_numbers import dropout
from deltarule.engines.compiled.plan.activations import HiddenActivation, ParametricActivation
from deltarule.engines.compiled.plan.input_scale import InputScale
from deltarule.engines.compiled.plan.input_stage import InputStagePlan
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import Loss, PrepareConstants
from deltarule.engines.compiled.plan.member_layers import MeanOfMembers, MemberActivation, MemberLayers
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.normalized_layers import Normalizations
from deltarule.engines.compiled.plan.perturbation import InputPerturbation
from deltarule.engines.compiled.plan.printing import SCRATCH
from deltarule.engines.compiled.plan.regularization import Dropout, DropoutAgain, Noise
from deltarule.engines.compiled.plan.schedules import PutDecay, ScheduledDropout
from deltarule.engines.compiled.plan.source import Source
from deltarule.engines.compiled.plan.tables import NO_KERNEL, NOT_PREPARED, KernelCall, PreparedKernel, Rows
from deltarule.engines.factors import Factors, factors_of_group
from deltarule.engines.parameters import Shape
from deltarule.engines.problem import Problem, squared_distance, wrong_side
from deltarule.formulas import Penalty
from deltarule.formulas.random import dropped_below
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count
from deltarule.recipes import Network, Recipe

__all__ = ["Formulas", "Predicting", "UpdateKernels"]


Key: TypeAlias = tuple[Penalty | None, Factors]
"""What the steps of some parameters have in common: their penalty, and the factors of their group."""


class UpdateKernels:
    """What an update needs: a kernel for each of the penalties in use, and one for what no penalty sees.

    Groups of parameters whose factors differ share a kernel's code and have separate constants.

    whole : whether the gradient is written down whole before any step, because a norm of it decides, or because the
        optimizer is of granularity "matrix"; the latter is `handed_over` to the formula as it stands.
    apart : whether the weights' mean is taken apart from the step, because they are bounded after it.
    slots : of the kernels; `averaged` is which of the slots in memory, from 1, holds the mean, or 0.
    """

    def __init__(self, arena: Arena, problem: Problem, threads: int) -> None:
        recipe = problem.recipe
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
        self._keys = {} if self.handed_over else _keys(problem)
        self._decays = recipe.decay_schedule is not None
        steps = {key: self._step_kernel(recipe, key, dtype) for key in self._keys.values()}
        gradients = {
            penalty: formula_kernels.objective_gradient(penalty, dtype)
            for penalty in used
            if self.whole and not penalty.takes_prox
        }
        means = {None: formula_kernels.average(averaging, dtype)} if averaging is not None and self.apart else {}
        self._steps = [{key: arena.prepared(kernel) for key, kernel in steps.items()} for _ in range(threads)]
        self._gradients, self._means = (
            [{penalty: arena.prepared(kernel) for penalty, kernel in kernels.items()} for _ in range(threads)]
            for kernels in (gradients, means)
        )
        self._values: dict[object, KernelCall] = {None: NO_KERNEL}
        for penalty in used:
            value = formula_kernels.penalty_value(penalty, dtype)
            self._values[penalty] = arena.constants(value, share=float(penalty.share(problem.batch_weight)))
        by_norm = clipping is not None and self.by_norm
        self.clip = arena.constants(formula_kernels.factor(clipping)) if by_norm else NO_KERNEL
        bound = recipe.constraint
        self.bound = arena.constants(formula_kernels.factor(bound)) if bound is not None else NO_KERNEL

    def _step_kernel(self, recipe: Recipe, key: Key, dtype: np.dtype[Any]) -> Kernel:
        """The optimizer's step under a penalty, with a group's factors among its hyperparameters."""
        penalty, factors = key
        return formula_kernels.update(
            recipe.optimizer.with_factors(*factors),
            penalty,
            dtype,
            recipe.clipping,
            None if self.apart else recipe.averaging,
            whole=self.whole,
            decays=self._decays,
        )

    def prepared(self, thread: int) -> Iterator[Instruction]:
        """The constants for a step."""
        for (penalty, _), kernel in self._steps[thread].items():
            if self._decays:
                yield PutDecay(kernel.scalars)
            yield from _prepared({penalty: kernel})
        yield from _prepared(self._means[thread])

    def prepared_gradients(self, thread: int) -> Iterator[Instruction]:
        """The constants of what makes the objective's gradient, where it is written down."""
        yield from _prepared(self._gradients[thread])

    def scalars(self, thread: int) -> list[Address]:
        """Where the scalars of the thread's updates are."""
        return [each.scalars for each in self._steps[thread].values()]

    def step(self, group: str, layer: int, thread: int) -> KernelCall:
        """The optimizer's step on a group of parameters: of weights and biases, those of a layer."""
        key = self._keys.get((group, layer))
        return NO_KERNEL if key is None else self._steps[thread][key].kernel

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


def _keys(problem: Problem) -> dict[tuple[str, int], Key]:
    """The penalty and the factors of each group of parameters that a network has: those of weights first."""
    recipe, shape = problem.recipe, problem.shape
    groups = [(group, layer) for group, layer, place in shape.groups() if place.stop > place.start]
    return {
        (group, layer): (
            recipe.penalties[layer] if group == "weights" else None,
            factors_of_group(recipe, shape, group, layer),
        )
        for group, layer in sorted(groups, key=lambda each: each[0] != "weights")
    }


class Predicting:
    """The kernels of a network that predicts: of its activations, its layers' normalisations or None, its inputs."""

    def __init__(self, arena: Arena, network: Network, shape: Shape, threads: int = 1) -> None:
        made = HiddenActivation if network.parametric_activation is None else ParametricActivation
        self.arena = arena
        self.activations = [made(arena, each) for each in network.activations]
        self.members = MemberLayers(arena, shape) if shape.members > 1 else None
        if shape.members > 1 and shape.full:
            self.activations = [MemberActivation(arena, each) for each in self.activations]
        formula = network.normalization
        hidden = None if formula is None else Normalizations(arena, formula, threads)
        self.normalized = hidden is not None
        self.normalizations = [hidden] * len(self.activations) + [None]
        self.scale = InputScale(arena) if shape.input_scale else None
        self.stage = InputStagePlan(arena, shape.stage) if shape.stage is not None else None

    @property
    def trained_before(self) -> bool:
        """Whether something before the first layer is trained."""
        return self.scale is not None or self.stage is not None


class Formulas(Predicting):
    """The kernels of a problem, and each thread's memory for the results of their prologues."""

    def __init__(self, arena: Arena, problem: Problem, threads: int) -> None:
        dtype, recipe = arena.dtype, problem.recipe
        network = recipe.network
        super().__init__(arena, network, problem.shape, threads)
        self.rates, self.deviations = network.dropout_rates, network.noise_deviations
        self.noise_before_activation = network.noise_before_activation
        weighted, classes = problem.train.weights is not None, problem.train.classes
        counted = classes and problem.train.outputs > 1
        after = [0.0 if self.noise_before_activation else deviation for deviation in self.deviations[1:]]
        changed = zip(self.rates[1:], after, strict=True)
        for each, formula, (rate, deviation) in zip(self.activations, problem.activations, changed, strict=True):
            each.differentiate(arena, formula, from_z=rate > 0 or deviation > 0)
        self._single = single = problem.train.outputs == 1
        error = None if counted else wrong_side if problem.train.labelled else squared_distance
        several = problem.shape.members > 1
        self.mean = MeanOfMembers(arena, problem.loss.output, problem.shape) if several else None
        in_step = None if several else error
        losses = {
            True: formula_kernels.loss(problem.loss, dtype, in_step, gradient=True, weighted=weighted, single=single),
            False: formula_kernels.loss(problem.loss, dtype, error, gradient=False, single=single),
        }
        self.perturbation = None if recipe.perturbation is None else InputPerturbation(arena, recipe.perturbation)
        self.updates = UpdateKernels(arena, problem, threads)
        self._parametric = network.parametric_activation is not None
        self._losses = [{which: arena.prepared(kernel) for which, kernel in losses.items()} for _ in range(threads)]
        if self.perturbation is not None:
            precise = formula_kernels.loss(
                problem.loss, dtype, in_step, gradient=True, weighted=weighted, single=single, precise=True
            )
            self._precise = [{True: arena.prepared(precise)} for _ in range(threads)]
        self._dropout = dropout(dtype) if any(self.rates) else None
        self._scheduled = recipe.dropout_schedule is not None
        scales = threads if self._scheduled else 1
        self._scales = [arena.keep(np.full(scales, 1.0 / (1.0 - rate), dtype)) for rate in self.rates]
        self._noises = [
            arena.constants(formula_kernels.noise(dtype), deviation=deviation) if deviation else NO_KERNEL
            for deviation in self.deviations
        ]

    def before_perturbation(self) -> Self:
        """The formulas of the pass before a perturbation: without noise, dropout and running statistics.

        The gradient of the loss is precise, as its size does not count.
        """
        made = copy.copy(self)
        made._losses = self._precise
        made.rates, made.deviations = ((0.0,) * len(each) for each in (self.rates, self.deviations))
        made.normalizations = [None if each is None else each.without_keeping() for each in self.normalizations]
        return made

    @property
    def writes_gradients(self) -> bool:
        """Whether there is memory for the gradient beside the parameters."""
        several = self.members is not None
        return self.updates.whole or self.normalized or self.trained_before or self._parametric or several

    def loss(
        self, passage: Passage, source: Source, rows: Rows, thread: int, *, training: bool
    ) -> Iterator[Instruction]:
        """Losses and errors of some rows, and in training dz."""
        z, nowhere = passage.outputs, Address(0)
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
            scratch=self._scratch(passage.rows),
        )
        if source.counted:
            yield source.count(passage, rows)

    def member_loss(self, passage: Passage, source: Source, rows: Rows, thread: int) -> Instruction:
        """Losses and dz of rows of all members."""
        z, nowhere = passage.z[-1], Address(0)
        return Loss(
            prepared=self._losses[thread][True],
            z=z.address,
            y=passage.member_y.address,
            batch_weights=passage.member_weights if source.weights else nowhere,
            dz=passage.d[-1].address,
            losses=passage.member_losses,
            errors=nowhere,
            width=Count(source.outputs),
            columns=z.stride,
            order=source.order,
            weights=nowhere,
            rows=rows,
            scratch=self._scratch(passage.rows * passage.members),
        )

    def _scratch(self, rows: int) -> Address:
        """Memory for the loss of a single output."""
        return self.arena.numbers(6 * padded(rows), SCRATCH) if self._single else Address(0)

    def noise(self, layer: int, passage: Passage, rows: Rows, room: Address) -> Instruction:
        """Add noise to a layer's inputs, or to the pre-activations that these are computed from."""
        inputs = passage.z[layer - 1] if layer > 0 and self.noise_before_activation else passage.drawn(layer)
        return Noise(inputs.part(), inputs.columns, Count(layer), self._noises[layer], room, rows)

    def drop(self, layer: int, passage: Passage, rows: Rows) -> Instruction:
        """Draw a layer's dropout and multiply it in."""
        assert self._dropout is not None
        inputs, rate = passage.drawn(layer), self.rates[layer]
        draw, mask, place = Address(self._dropout.draw), passage.masks[layer], (inputs.part(), inputs.stride)
        scale = self._scale(layer, rows)
        if self._scheduled:
            return ScheduledDropout(draw, *place, Count(layer), rate, scale, mask, rows)
        return Dropout(draw, *place, Count(layer), int(dropped_below(rate)), scale, mask, rows)

    def drop_again(self, layer: int, passage: Passage, rows: Rows) -> Instruction:
        """Multiply a layer's dropout into what goes back."""
        assert self._dropout is not None
        below = passage.below(layer)
        return DropoutAgain(
            repeat=Address(self._dropout.repeat),
            numbers=below.part(),
            columns=below.stride,
            scale=self._scale(layer, rows),
            mask=passage.masks[layer],
            rows=rows,
        )

    def _scale(self, layer: int, rows: Rows) -> Address:
        """Where 1 / (1 − rate) is: a number of each thread where it changes from step to step."""
        return Address(self._scales[layer] + self._scheduled * rows.part * self.arena.dtype.itemsize)
