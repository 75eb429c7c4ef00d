"""Calibration of probabilities by one temperature, fitted to predictions for samples not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.errors import ModelError
from deltarule.types import Floats, Positions

LIMITS = (0.1, 10.0)
"""The lowest and the highest temperature: few samples, all predicted right, would be fitted best by 0."""
_SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was fitted to predictions for samples not trained on.

    scores : (n, 1) for classes, (n, k) for k targets; see `conformal`.
    temperature : of the probabilities; 1 for numbers.
    """

    scores: Floats
    temperature: float = 1.0

    def __post_init__(self) -> None:
        scores = self.scores
        if scores.ndim != 2 or not len(scores) or not (scores >= 0).all():
            raise ModelError("scores (n, k) of at least 0", f"shape {scores.shape}")
        if not LIMITS[0] <= self.temperature <= LIMITS[1]:
            raise ModelError(f"a temperature from {LIMITS[0]} to {LIMITS[1]}", f"{self.temperature}")


def probabilities_of_outputs(outputs: Floats) -> Floats:
    """The probability of each class for a network's outputs (n, k), one or one for each class: (n, classes)."""
    a = np.clip(outputs, 0.0, 1.0)
    if a.shape[1] == 1:
        return np.hstack([1.0 - a, a])
    total = a.sum(axis=1, keepdims=True)
    probabilities: Floats = np.where(total > 0, a / np.where(total > 0, total, 1.0), 1.0 / a.shape[1])
    return probabilities


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities (n, classes) at a temperature T: p_k^(1/T) / Σ_j p_j^(1/T).

    This is softmax(z / T) of the logits z = log p. T above 1 makes predictions less confident, below 1 more; the most
    probable class stays the same. Guo, Pleiss, Sun, Weinberger (2017), section 4.2.

    >>> tempered(np.array([[0.9, 0.1]]), 2.0).round(2).tolist()
    [[0.75, 0.25]]
    """
    if temperature == 1.0:
        return probabilities
    powers = np.maximum(probabilities, _SMALLEST) ** (1.0 / temperature)
    normalized: Floats = powers / powers.sum(axis=1, keepdims=True)
    return normalized


def fitted_temperature(probabilities: Floats, codes: Positions, weights: Floats | None = None) -> float:
    """Return the temperature with the lowest mean log loss of probabilities (n, classes) for the classes `codes` (n,).

    The loss is convex in β = 1 / T; its derivative, the mean of Σ_k p_k(β) z_k − z_y with z = log p, is 0 there.

    >>> confident = np.array([[0.99, 0.01]] * 4)
    >>> round(fitted_temperature(confident, np.array([0, 0, 0, 1])), 2)
    4.18
    """
    from scipy.optimize import brentq

    if not len(codes):
        return 1.0
    logits = np.log(np.maximum(probabilities, _SMALLEST))
    own = np.take_along_axis(logits, codes[:, np.newaxis], axis=1)[:, 0]

    def slope(beta: float) -> float:
        expected = np.sum(tempered(probabilities, 1.0 / beta) * logits, axis=1)
        return float(np.average(expected - own, weights=weights))

    low, high = 1.0 / LIMITS[1], 1.0 / LIMITS[0]
    if slope(low) >= 0:
        return LIMITS[1]
    if slope(high) <= 0:
        return LIMITS[0]
    return float(1.0 / brentq(slope, low, high, xtol=1e-6))


def calibration_error(probabilities: Floats, codes: Positions, bins: int = 15) -> float:
    """Return the expected calibration error of probabilities (n, classes) for the classes `codes` (n,).

    Σ_b n_b / n · |accuracy in b − mean confidence in b| over bins b of equal width of the confidence, the probability
    of the most probable class. Guo, Pleiss, Sun, Weinberger (2017), equation 3.

    >>> round(calibration_error(np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])), 2)
    0.15
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == codes
    of = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(of, right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(codes))
