"""The forward and backward passes of a network by their definitions, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from deltarule.engines.members import Adapters, head_gradient, head_sums, member_gradient, member_sums
from deltarule.engines.parameters import Shape, State
from deltarule.formulas import Activation, Normalization
from deltarule.types import Floats

__all__ = [
    "Architecture", "Draws", "Normalized", "Pass", "backward", "backward_to_sums", "forward", "gradient_by_inputs",
]  # fmt: skip


class Draws(NamedTuple):
    """Random draws for each layer's input (n, fan_in) in training: additive noise, then multiplicative masks.

    before_activation : whether the noise is added to the pre-activations that a layer's inputs are computed from.
    """

    noise: Sequence[Floats | float]
    masks: Sequence[Floats | float]
    before_activation: bool = False

    def on_inputs(self, layer: int, x: Floats) -> Floats:
        """Return a layer's inputs with their noise and mask."""
        noise = 0.0 if self.before_activation and layer > 0 else self.noise[layer]
        return (x + noise) * self.masks[layer]

    def on_sums(self, layer: int, z: Floats) -> Floats:
        """Return a layer's pre-activations with their noise, if there is any before the activation."""
        return z + self.noise[layer + 1] if self.before_activation and layer + 1 < len(self.noise) else z


class Normalized(NamedTuple):
    """A normalised layer's x (n, units), and the mean and variance of its pre-activations."""

    x: Floats
    m: Floats
    v: Floats


class Pass(NamedTuple):
    """A forward pass: each layer's input x (n, fan_in), and its pre-activations z (n, fan_out).

    Those of the layers in `normalized` are normalised, scaled and shifted. `scaled` are the inputs before the input
    stage, `unscaled` those of the first layer before their trained factors.
    """

    x: list[Floats]
    z: list[Floats]
    normalized: list[Normalized]
    scaled: Floats
    unscaled: Floats


class Architecture(Protocol):
    """What a pass needs to know of a network: the layout of its parameters, and its formulas."""

    @property
    def shape(self) -> Shape:
        """The layout of the parameters."""
        ...

    @property
    def activations(self) -> Sequence[Activation]:
        """The hidden layers' activations."""
        ...

    @property
    def normalization(self) -> Normalization:
        """The hidden layers' normalisation, which must exist."""
        ...


def forward(
    network: Architecture,
    parameters: npt.NDArray[Any],
    x: Floats,
    draws: Draws | None = None,
    *,
    training: bool = False,
    from_sums: bool = False,
) -> Pass:
    """Compute raw outputs from scaled inputs: z = x W + b, and the next x = σ(z).

    In training, a normalisation uses the statistics of the batch; otherwise its running statistics, if it has any.

    from_sums : whether x are the weighted sums of the first layer, (n, units), of several members (n, members · units).
    """
    shape = network.shape
    inputs = (
        x
        if shape.stage is None or from_sums
        else shape.stage.value(x, shape.stage_parts(parameters) | shape.stage_fitted(parameters))
    )
    if draws is not None:
        inputs = draws.on_inputs(0, inputs)
    run = Pass([], [], [], x, inputs)
    states, factors, slopes = shape.states(parameters), shape.scale(parameters), shape.slopes_of(parameters)
    adapters, last = shape.adapters(parameters), len(shape.sizes) - 2
    x = inputs if factors is None or from_sums else inputs * factors
    for number, (W, b) in enumerate(shape.layers(parameters)):
        if number > 0:
            x = network.activations[number - 1].value(run.z[-1])
            if slopes:
                x = run.z[-1] + slopes[number - 1] * (x - run.z[-1])
            if draws is not None:
                x = draws.on_inputs(number, x)
        if number == 0 and from_sums:
            z = x if shape.members == 1 else x.reshape(len(x), shape.members, -1)
        elif shape.members == 1:
            z = x @ W + b
        elif number < last:
            x = x if x.ndim == 3 else x[:, None, :]
            z = member_sums(x, W, b, Adapters.of_layer(adapters, number))
        else:
            z = head_sums(x, W, b)
        if number < len(states):
            formula, state = network.normalization, states[number]
            normal = _normalized(formula, z, state, kept=formula.keeps and not training)
            run.normalized.append(normal)
            z = formula.output(normal.x, state.gamma, state.beta)
        run.x.append(x)
        run.z.append(z if draws is None else draws.on_sums(number, z))
    return run


def backward(
    network: Architecture, parameters: npt.NDArray[Any], run: Pass, dz: Floats, draws: Draws | None = None
) -> Floats:
    """Compute the gradient, (trained,), from dz = ∂C/∂z of the last layer by backpropagation."""
    shape, gradient = network.shape, np.zeros(network.shape.trained)
    to_inputs = shape.input_scale or shape.stage is not None
    dx = _backward_through_layers(network, parameters, run, dz, draws, gradient, to_inputs=to_inputs)
    if to_inputs:
        _backward_to_inputs(shape, parameters, run, dx.reshape(len(dx), -1), draws, gradient)
    gradient[shape.idle()] = 0.0
    return gradient


def gradient_by_inputs(network: Architecture, parameters: npt.NDArray[Any], run: Pass, dz: Floats) -> Floats:
    """Return ∂C/∂x of the scaled inputs, (n, inputs), from dz = ∂C/∂z of the last layer, without noise and dropout.

    Of networks with one member and without an input stage.
    """
    shape = network.shape
    dx = _backward_through_layers(network, parameters, run, dz, None, np.zeros(shape.trained), to_inputs=True)
    factors = shape.scale(parameters)
    return dx if factors is None else dx * factors


def _backward_through_layers(
    network: Architecture,
    parameters: npt.NDArray[Any],
    run: Pass,
    dz: Floats,
    draws: Draws | None,
    gradient: Floats,
    *,
    to_inputs: bool,
) -> Floats:
    """Write the gradient of the layers, and return ∂C/∂x of the first one's inputs where it is `to_inputs`."""
    shape = network.shape
    theta, g = shape.layers(parameters), shape.layers(gradient)
    states, g_states = shape.states(parameters), shape.states(gradient)
    slopes, g_slopes = shape.slopes_of(parameters), shape.slopes_of(gradient)
    adapters, g_adapters = shape.adapters(parameters), shape.adapters(gradient)
    for number in reversed(range(len(theta))):
        if number < len(states):
            x, _, v = run.normalized[number]
            g_states[number].gamma[:], g_states[number].beta[:] = (dz * x).sum(axis=0), dz.sum(axis=0)
            d, axis = dz * states[number].gamma, network.normalization.axis
            means = (np.mean(each, axis=axis, keepdims=True) for each in (d, d * x))
            dz = network.normalization.gradient(d, x, v, *means)
        if shape.members == 1:
            g[number][0][:], g[number][1][:] = run.x[number].T @ dz, dz.sum(axis=0)
            dx = dz @ theta[number][0].T if number > 0 or to_inputs else dz
        else:
            dx = _backward_of_members(run.x[number], theta[number][0], dz, g[number], number, adapters, g_adapters)
        if number == 0:
            break
        z = run.z[number - 1]
        if draws is not None:
            dx = dx * draws.masks[number]
        a = network.activations[number - 1].value(z)
        slope = network.activations[number - 1].slope(z, a)
        if slopes:
            g_slopes[number - 1][:] = np.sum((dx * (a - z)).reshape(-1, z.shape[-1]), axis=0)
            slope = 1.0 + slopes[number - 1] * (slope - 1.0)
        dz = dx * slope
    return dx


def backward_to_sums(network: Architecture, parameters: npt.NDArray[Any], run: Pass, dz: Floats) -> Floats:
    """Return ∂C/∂z of the first layer's weighted sums, (n, units), from dz = ∂C/∂z of the last layer, as it predicts.

    Of networks with one member.
    """
    shape = network.shape
    layers, states, slopes = shape.layers(parameters), shape.states(parameters), shape.slopes_of(parameters)
    for number in reversed(range(len(layers))):
        if number < len(layers) - 1:
            z = run.z[number]
            a = network.activations[number].value(z)
            slope = network.activations[number].slope(z, a)
            dz = dz * (1.0 + slopes[number] * (slope - 1.0) if slopes else slope)
        if number < len(states):
            x, m, v = run.normalized[number]
            d, formula = dz * states[number].gamma, network.normalization
            if formula.keeps:  # the running statistics do not depend on z
                dz = d * (formula.normalized(m + 1.0, m, v) - formula.normalized(m, m, v))
            else:
                means = (np.mean(each, axis=formula.axis, keepdims=True) for each in (d, d * x))
                dz = formula.gradient(d, x, v, *means)
        if number > 0:
            dz = dz @ layers[number][0].T
    return dz


def _backward_of_members(
    x: Floats,
    W: npt.NDArray[Any],
    dz: Floats,
    gradient: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    number: int,
    adapters: dict[str, npt.NDArray[Any]],
    g_adapters: dict[str, npt.NDArray[Any]],
) -> Floats:
    """Return ∂C/∂x of a layer of several members, and write the gradient of its parameters."""
    if dz.ndim == 2:
        gradient[0][:], gradient[1][:], dx = head_gradient(x, W, dz)
    else:
        own, of_gradient = (Adapters.of_layer(each, number) for each in (adapters, g_adapters))
        gradient[0][:], gradient[1][:], dx = member_gradient(x, W, dz, own, of_gradient)
    return dx


def _backward_to_inputs(
    shape: Shape, parameters: npt.NDArray[Any], run: Pass, dx: Floats, draws: Draws | None, gradient: Floats
) -> None:
    """Compute the gradients of the inputs' factors and of the input stage, from dx = ∂C/∂x of the first layer."""
    factors, g_factors = shape.scale(parameters), shape.scale(gradient)
    if factors is not None and g_factors is not None:
        g_factors[:] = np.sum(dx * run.unscaled, axis=0)
        dx = dx * factors
    if shape.stage is not None:
        if draws is not None:
            dx = dx * draws.masks[0]
        found = shape.stage.gradient(run.scaled, dx, shape.stage_parts(parameters) | shape.stage_fitted(parameters))
        for name, part in shape.stage_parts(gradient).items():
            part[:] = found[name]


def _normalized(formula: Normalization, z: Floats, state: State, *, kept: bool) -> Normalized:
    if kept:
        m, v = state.mean, state.variance
    else:
        m, v = z.mean(axis=formula.axis, keepdims=True), z.var(axis=formula.axis, keepdims=True)
    return Normalized(formula.normalized(z, m, v), m, v)
