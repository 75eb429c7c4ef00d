"""The definition of the parameter update by a gradient and a recipe's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.problem import Problem

__all__ = ["stepped"]

Slots = list[npt.NDArray[Any]]


def stepped(
    problem: Problem,
    parameters: npt.NDArray[Any],
    g: npt.NDArray[Any],
    weight: float,
    t: int,
    rate: float,
    slots: Slots,
    decay: float = 1.0,
) -> Slots:
    """Update the trained parameters in place by step t; return the optimizer's new slots, each (trained,).

    g is the objective's gradient, (trained,), of a batch of this weight. Clipping is applied before the optimizer,
    proximal penalties after it. `rate` and `decay` are the schedules' factors on learning rate and weight decay.
    """
    recipe, shape = problem.recipe, problem.shape
    if recipe.clipping is not None:
        g = recipe.clipping.clipped(g)
    optimizer = recipe.optimizer.at_rate(rate, decay).with_factors(*problem.factors)
    trained = parameters[: shape.trained]
    if optimizer.granularity == "matrix":
        after, *slots = _by_matrices(problem, optimizer, trained, g, t, slots)
    else:
        after, *slots = optimizer.step(trained, g, t, *slots)
    trained[:] = np.where(shape.idle(), trained, after)
    rates = shape.layers(np.broadcast_to(optimizer.learning_rate, shape.trained))
    for penalty, (W, _), (of_weights, _) in zip(recipe.penalties, shape.layers(parameters), rates, strict=True):
        if penalty is not None and penalty.takes_prox:
            W[:] = penalty.prox(W, of_weights * penalty.share(weight))
    return slots


def _by_matrices(
    problem: Problem, optimizer: Any, trained: npt.NDArray[Any], g: npt.NDArray[Any], t: int, slots: Slots
) -> Slots:
    """Return parameters and slots after a step that updates each hidden layer's weights as a matrix."""
    after, *rest = optimizer.others.step(trained, g, t, *slots[1:])
    made = [after, slots[0].copy(), *rest]
    views = [problem.shape.layers(each) for each in (trained, g, *slots)]
    for layer in range(len(problem.sizes) - 2):
        w, gradient, *remembered = (view[layer][0] for view in views)
        for whole, part in zip(made, optimizer.step(w, gradient, t, *remembered), strict=True):
            problem.shape.layers(whole)[layer][0][:] = part
    return made
