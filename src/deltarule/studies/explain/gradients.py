"""Attributions by gradients: integrated gradients, and DeepLIFT's rescale rule.

Both are taken at the first layer's sums z₁ = b + Σⱼ cⱼ, in which features add: the attribution of feature j is
(cⱼ(x) − cⱼ(b)) · m, where m is a mean gradient, or DeepLIFT's multiplier, of the output by z₁. For features that are
single numbers this is the usual definition; an embedded column counts as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.predicting import NumPyPredictor
from deltarule.errors import ModelError
from deltarule.models import Model
from deltarule.studies.explain.explained import Explained
from deltarule.studies.explain.shapley import Game
from deltarule.types import Floats

_SMALL = 1e-9
"""Differences of sums below this have the derivative as their multiplier, as in DeepLIFT."""


@dataclass(frozen=True, eq=False)
class _Tail:
    """A network from its first layer's sums on, with derivatives."""

    network: NumPyPredictor
    model: Model
    raw: bool

    @classmethod
    def of(cls, explained: Explained) -> _Tail:
        """Return the tail of a model of one network with one member."""
        networks = explained.networks
        if len(networks) > 1 or networks[0].shape.members > 1 or explained.model.temperature != 1.0:
            expected = "a single network without calibration for attributions by gradients"
            raise ModelError(expected, f"{explained.model!r}", 'method="shapley"')
        model = networks[0]
        tail = NumPyPredictor(model.shape, model.recipe.network, model.parameters.astype(np.float64), None)
        return cls(tail, model, explained.raw)

    @property
    def outputs(self) -> int:
        """The number of raw outputs."""
        return self.model.shape.outputs

    def gradients(self, sums: Floats) -> Floats:
        """Return the gradient of each prediction by the sums: (outputs, n, units)."""
        run = self.network.passed(sums)
        return np.stack([self.network.gradient(run, dz) for dz in self._of_outputs(run.z[-1])])

    def _of_outputs(self, z: Floats) -> list[Floats]:
        """Return the gradient of each prediction by the raw outputs, (n, outputs) each."""
        identity = np.eye(self.outputs)
        if self.raw:
            return [np.broadcast_to(row, z.shape) for row in identity]
        output = self.model.loss.output
        if output.granularity == "rowwise":  # softmax: ∂aⱼ/∂zₖ = aⱼ (δⱼₖ − aₖ)
            a = output.value(z)
            return [a[:, [j]] * (identity[j] - a) for j in range(self.outputs)]
        values = self.values(z)
        slope = self.slope(z, values)
        if self.normalized:  # pⱼ = aⱼ / s with s = Σₖ aₖ: ∂pⱼ/∂aₖ = (δⱼₖ − pⱼ) / s
            total = values.sum(axis=1, keepdims=True)
            slope = slope / np.where(total > 0, total, np.inf)
            p = self.model.values_of(z)
            return [slope * (identity[j] - p[:, [j]]) for j in range(self.outputs)]
        each = [slope * row for row in identity]
        two = self.model.classes is not None and self.outputs == 1
        return [-each[0], each[0]] if two else each

    @property
    def normalized(self) -> bool:
        """Whether predictions are several outputs divided by their sum, so that each depends on all of them."""
        return not self.raw and self.model.classes is not None and self.outputs > 1

    def values(self, z: Floats) -> Floats:
        """Return what each raw output becomes on its own, (n, outputs): a number, or an output within [0, 1]."""
        model = self.model
        values = np.clip(model.loss.output.value(z), 0.0, 1.0) if model.labelled else model.numbers(z)
        return np.asarray(values)

    def slope(self, z: Floats, values: Floats) -> Floats:
        """Return the derivative of `values` by z, (n, outputs); 0 where they are held at a bound."""
        model, output = self.model, self.model.loss.output
        slope = output.slope(z, output.value(z))
        if model.labelled:
            return np.asarray(np.where((values > 0) & (values < 1), slope, 0.0))
        if model.target_scaling is not None:
            slope = slope / model.target_scaling.factor
        if model.target_bounds is None:
            return np.asarray(slope)
        low, high = model.target_bounds
        return np.asarray(np.where((values > low) & (values < high), slope, 0.0))


def integrated_gradients(game: Game, steps: int) -> Floats:
    """Return integrated gradients (n, features, outputs), averaged over the background samples.

    (xⱼ − bⱼ) ∫ ∂f(b + α (x − b)) / ∂xⱼ dα, α from 0 to 1, by the Gauss–Legendre rule with so many steps. The values add
    up to f(x) − mean f(b) up to the error of the rule. Sundararajan, Taly, Yan (2017), equation 1; averaged over
    samples: Erion and others (2021).
    """
    tail = _Tail.of(game.explained)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alphas, weights = (nodes + 1) / 2, weights / 2

    def multipliers(start: Floats, end: Floats) -> Floats:
        return np.asarray(
            sum(w * tail.gradients(start + alpha * (end - start)) for alpha, w in zip(alphas, weights, strict=True))
        )

    return _attributed(game, multipliers)


def deeplift(game: Game) -> Floats:
    """Return DeepLIFT's attributions by the rescale rule (n, features, outputs), averaged over background samples.

    The multiplier of an activation is Δa / Δz in place of its slope. The values add up to f(x) − mean f(b) exactly.
    Shrikumar, Greenside, Kundaje (2017), section 3.5.1. Of raw outputs, or of predictions that depend on one of them.
    """
    tail = _Tail.of(game.explained)
    model = tail.model
    if model.shape.normalization is not None and not model.shape.normalization.keeps:
        raise ModelError("a network without layer normalization for DeepLIFT", repr(model), 'method="shapley"')
    if tail.normalized:
        got = "probabilities of classes, each of which depends on all outputs"
        raise ModelError("raw outputs for DeepLIFT", got, 'method="deeplift", raw=True')
    return _attributed(game, lambda start, end: _rescaled(tail, start, end))


def _attributed(game: Game, multipliers: Any) -> Floats:
    """Return Σ over units of the differences of terms times the multipliers of the sums, averaged over background."""
    explained, m = game.explained, len(game.of_background)
    terms = explained.terms(game.inputs).astype(np.float64)
    background = game.background.astype(np.float64)
    biases = explained.first_layers[0].biases
    end, starts = biases + terms.sum(axis=0), biases + background.sum(axis=0)
    total = np.zeros((terms.shape[1], terms.shape[0], game.of_x.shape[1]))
    for b in range(m):
        start = np.broadcast_to(starts[b], end.shape)
        total += np.einsum("dnu,knu->ndk", terms - background[:, b, None], multipliers(start, end), optimize=True)
    return total / m


def _rescaled(tail: _Tail, start: Floats, end: Floats) -> Floats:
    """Return DeepLIFT's multipliers of each output by the first layer's sums: (outputs, n, units)."""
    first, last = tail.network.passed(start), tail.network.passed(end)
    shape, model = tail.network.shape, tail.model
    layers, states = shape.layers(model.parameters), shape.states(model.parameters)
    slopes = shape.slopes_of(model.parameters)
    made = []
    for row in np.eye(tail.outputs):
        m = np.broadcast_to(row, last.z[-1].shape).astype(np.float64)
        if not tail.raw:
            m = m * _ratio(tail.values, tail.slope, first.z[-1], last.z[-1])
        for number in reversed(range(len(layers))):
            if number < len(layers) - 1:
                formula = tail.network.activations[number]
                ratio = _ratio(formula.value, formula.slope, first.z[number], last.z[number])
                m = m * (1.0 + slopes[number] * (ratio - 1.0) if slopes else ratio)
            if number < len(states):
                _, mean, variance = last.normalized[number]
                normalization = tail.network.normalization
                unit = normalization.normalized(mean + 1.0, mean, variance)
                m = m * states[number].gamma * (unit - normalization.normalized(mean, mean, variance))
            if number > 0:
                m = m @ layers[number][0].T
        made.append(m)
    two = model.classes is not None and tail.outputs == 1 and not tail.raw
    return np.stack([-made[0], made[0]] if two else made)


def _ratio(value: Any, slope: Any, before: npt.NDArray[Any], after: npt.NDArray[Any]) -> Floats:
    """Return Δa / Δz of an elementwise function, or its slope where Δz is nearly 0."""
    difference = after - before
    small = np.abs(difference) < _SMALL
    secant = (value(after) - value(before)) / np.where(small, 1.0, difference)
    ratio: Floats = np.where(small, slope(after, value(after)), secant)
    return ratio
