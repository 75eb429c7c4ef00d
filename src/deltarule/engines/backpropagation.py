"""The forward and backward passes of a network by their definitions, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import State
from deltarule.engines.problem import Problem
from deltarule.formulas import Normalization
from deltarule.types import Floats

__all__ = ["Draws", "Normalized", "Pass", "backward", "forward"]


class Draws(NamedTuple):
    """Random draws for each layer's input (n, fan_in) in training: additive noise, then multiplicative masks."""

    noise: Sequence[Floats | float]
    masks: Sequence[Floats | float]


class Normalized(NamedTuple):
    """A normalised layer's x (n, units), and the mean and variance of its pre-activations."""

    x: Floats
    m: Floats
    v: Floats


class Pass(NamedTuple):
    """A forward pass: each layer's input x (n, fan_in), and its pre-activations z (n, fan_out).

    Those of the layers in `normalized` are normalised, scaled and shifted.
    """

    x: list[Floats]
    z: list[Floats]
    normalized: list[Normalized]


def forward(
    problem: Problem, parameters: npt.NDArray[Any], x: Floats, draws: Draws | None = None, *, training: bool = False
) -> Pass:
    """Compute raw outputs from scaled inputs: z = x W + b, and the next x = σ(z).

    In training, a normalisation uses the statistics of the batch; otherwise its running statistics, if it has any.
    """
    run = Pass([], [], [])
    states = problem.shape.states(parameters)
    for number, (W, b) in enumerate(problem.shape.layers(parameters)):
        if number > 0:
            x = problem.activations[number - 1].value(run.z[-1])
        if draws is not None:
            x = (x + draws.noise[number]) * draws.masks[number]
        z = x @ W + b
        if number < len(states):
            formula, state = problem.normalization, states[number]
            normal = _normalized(formula, z, state, kept=formula.keeps and not training)
            run.normalized.append(normal)
            z = formula.output(normal.x, state.gamma, state.beta)
        run.x.append(x)
        run.z.append(z)
    return run


def backward(
    problem: Problem, parameters: npt.NDArray[Any], run: Pass, dz: Floats, draws: Draws | None = None
) -> Floats:
    """Compute the gradient, (trained,), from dz = ∂C/∂z of the last layer by backpropagation."""
    gradient = np.zeros(problem.shape.trained)
    theta, g = problem.shape.layers(parameters), problem.shape.layers(gradient)
    states, g_states = problem.shape.states(parameters), problem.shape.states(gradient)
    for number in reversed(range(len(theta))):
        if number < len(states):
            x, _, v = run.normalized[number]
            g_states[number].gamma[:], g_states[number].beta[:] = (dz * x).sum(axis=0), dz.sum(axis=0)
            d, axis = dz * states[number].gamma, problem.normalization.axis
            means = (np.mean(each, axis=axis, keepdims=True) for each in (d, d * x))
            dz = problem.normalization.gradient(d, x, v, *means)
        g[number][0][:], g[number][1][:] = run.x[number].T @ dz, dz.sum(axis=0)
        if number > 0:
            z = run.z[number - 1]
            dx = dz @ theta[number][0].T
            if draws is not None:
                dx = dx * draws.masks[number]
            dz = dx * problem.activations[number - 1].slope(z, problem.activations[number - 1].value(z))
    gradient[problem.shape.idle()] = 0.0
    return gradient


def _normalized(formula: Normalization, z: Floats, state: State, *, kept: bool) -> Normalized:
    if kept:
        m, v = state.mean, state.variance
    else:
        m, v = z.mean(axis=formula.axis, keepdims=True), z.var(axis=formula.axis, keepdims=True)
    return Normalized(np.asarray(formula.normalized(z, m, v)), m, v)
