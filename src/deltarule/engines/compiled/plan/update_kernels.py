"""The kernels of a recipe's update, and each thread's room for what their prologues make."""

from __future__ import annotations

from collections.abc import Iterator

from deltarule.engines.compiled.codegen import formula_kernels, kernels
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layers import PrepareConstants
from deltarule.engines.compiled.plan.memory import Arena
from deltarule.engines.compiled.plan.tables import NO_KERNEL, KernelCall
from deltarule.formulas import Penalty
from deltarule.native.structs import Address
from deltarule.recipes import Recipe

__all__ = ["UpdateKernels"]


class UpdateKernels:
    """What an update needs: a kernel for each of the penalties in use, and one for what no penalty sees.

    whole : whether the gradient is written down whole before any step, because a norm of it decides, or because the
        optimizer is of granularity "matrix"; the latter is `handed_over` to the formula as it stands.
    apart : whether the weights' mean is taken apart from the step, because they are bounded after it.
    slots : of the kernels; `averaged` is which of the slots in memory, from 1, holds the mean, or 0.
    """

    def __init__(self, arena: Arena, recipe: Recipe, threads: int, batch_weight: float) -> None:
        dtype, clipping, averaging = arena.dtype, recipe.clipping, recipe.averaging
        self.penalties, self.averaging = recipe.penalties, averaging
        self.by_norm = clipping is not None and clipping.granularity == "matrix"
        self.handed_over = recipe.optimizer.granularity == "matrix"
        self.whole = self.by_norm or self.handed_over
        self.apart = averaging is not None and (recipe.constraint is not None or self.handed_over)
        remembered = len(recipe.optimizer.slots)
        self.averaged = remembered + 1 if averaging is not None else 0
        self.regions = 1 + remembered + (averaging is not None)
        self.slots = remembered + (averaging is not None and not self.apart)
        self._kernels = {
            penalty: formula_kernels.update(
                recipe.optimizer, penalty, dtype, clipping, None if self.apart else averaging, whole=self.whole
            )
            for penalty in dict.fromkeys(() if self.handed_over else (*self.penalties, None))
        }
        self._rooms = [
            {penalty: arena.room(kernel) for penalty, kernel in self._kernels.items()} for _ in range(threads)
        ]
        self._averages = []
        if averaging is not None and self.apart:
            self._average = formula_kernels.average(averaging, dtype)
            self._averages = [arena.room(self._average) for _ in range(threads)]
        used = dict.fromkeys(penalty for penalty in self.penalties if penalty is not None)
        self._values: dict[object, KernelCall] = {None: NO_KERNEL}
        for penalty in used:
            value = formula_kernels.penalty_value(penalty, dtype)
            self._values[penalty] = arena.constants(value, share=float(penalty.share(batch_weight)))
        self._gradients = {
            penalty: formula_kernels.objective_gradient(penalty, dtype)
            for penalty in used
            if self.whole and not penalty.takes_prox
        }
        self._gradient_rooms = [
            {penalty: arena.room(kernel) for penalty, kernel in self._gradients.items()} for _ in range(threads)
        ]
        by_norm = clipping is not None and self.by_norm
        self.clip = arena.constants(formula_kernels.factor(clipping)) if by_norm else NO_KERNEL
        bound = recipe.constraint
        self.bound = arena.constants(formula_kernels.factor(bound)) if bound is not None else NO_KERNEL

    def prepared(self, thread: int) -> Iterator[Instruction]:
        """The constants for a step."""
        for penalty, kernel in self._kernels.items():
            yield _prepared(kernel, self._rooms[thread][penalty], penalty)
        if self._averages:
            yield _prepared(self._average, self._averages[thread], None)

    def prepared_gradients(self, thread: int) -> Iterator[Instruction]:
        """The constants of what makes the objective's gradient, where it is written down."""
        for penalty, kernel in self._gradients.items():
            yield _prepared(kernel, self._gradient_rooms[thread][penalty], penalty)

    def scalars(self, thread: int) -> list[Address]:
        """Where the scalars of the thread's updates are."""
        return [scalars for scalars, _ in self._rooms[thread].values()]

    def _kernel(self, penalty: Penalty | None, thread: int) -> KernelCall:
        if self.handed_over:
            return NO_KERNEL
        return KernelCall(Address(self._kernels[penalty].body), self._rooms[thread][penalty][1])

    def weights(self, layer: int, thread: int) -> KernelCall:
        """The optimizer's step on a layer's weights."""
        return self._kernel(self.penalties[layer], thread)

    def others(self, thread: int) -> KernelCall:
        """The optimizer's step on what no penalty sees: biases, γ and β."""
        return self._kernel(None, thread)

    def average(self, thread: int) -> KernelCall:
        """The mean of the weights, where it is taken apart."""
        return KernelCall(Address(self._average.body), self._averages[thread][1])

    def penalty_value(self, layer: int) -> KernelCall:
        """The sum of a layer's penalty over some weights; 0 and 0 where it has none."""
        return self._values[self.penalties[layer]]

    def penalty_gradient(self, layer: int, thread: int) -> KernelCall:
        """What makes the objective's gradient of the loss's, where it is written down; 0 and 0 for nothing."""
        penalty = self.penalties[layer]
        if penalty is None or penalty not in self._gradients:
            return NO_KERNEL
        return KernelCall(Address(self._gradients[penalty].body), self._gradient_rooms[thread][penalty][1])


def _prepared(kernel: kernels.Kernel, room: tuple[Address, Address], penalty: Penalty | None) -> Instruction:
    """Have a kernel's constants made for a step; a penalty may be divided by the batch's weight."""
    weighted = penalty is not None and penalty.share(2.0) != 1.0
    return PrepareConstants(Address(kernel.prologue), *room, weighted)
