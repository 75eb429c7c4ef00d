"""Networks trained like another one with lower and with higher learning rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.problem import Problem, Samples
from deltarule.errors import ModelError
from deltarule.models import Model
from deltarule.studies.diagnose.estimates import losses_of, mean_interval
from deltarule.training import train_many
from deltarule.types import Floats

FACTORS = (0.01, 0.1, 10.0, 100.0)


@dataclass(frozen=True)
class Probe:
    """The losses with another learning rate.

    rate : the learning rate.
    train, validation : the mean losses; infinite where training diverged.
    difference : its validation loss minus the network's (the training loss, without a validation set), with the ends
        of the 95 % interval over the samples. errors : the same of the error rate, or the mean squared error.
    """

    rate: float
    train: float
    validation: float
    difference: tuple[float, float, float]
    errors: tuple[float, float, float]


@dataclass(frozen=True)
class RateProbe:
    """The losses of the network, and of those with other learning rates, rising."""

    rate: float
    train: float
    validation: float
    others: tuple[Probe, ...]

    @property
    def lower(self) -> Probe:
        """The best of the lower rates."""
        return min((each for each in self.others if each.rate < self.rate), key=lambda each: each.validation)

    @property
    def higher(self) -> Probe:
        """The best of the higher rates."""
        return min((each for each in self.others if each.rate > self.rate), key=lambda each: each.validation)


def probe_rates(model: Model, data: Dataset, problem: Problem) -> RateProbe | None:
    """Train with 1 % and 10 %, 10 and 100 times the learning rate, all else equal; None without a learning rate."""
    optimizer = model.recipe.optimizer
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None or optimizer.granularity == "full-batch":
        return None
    rates = [rate * factor for factor in FACTORS]
    runs = train_many([model.recipe.replace(optimizer=optimizer.replace(learning_rate=each)) for each in rates], data)
    held = problem.validation or problem.train
    mine = sample_losses(model, held)
    part = data.validation or data.train
    wrong = losses_of(model, part)
    others = []
    for each, run in zip(rates, runs, strict=True):
        theirs = sample_losses(run.model, held)
        if run.status == "diverged" or not np.isfinite(theirs).all():
            others.append(Probe(each, np.inf, np.inf, (np.inf,) * 3, (np.inf,) * 3))
            continue
        train = float(np.mean(sample_losses(run.model, problem.train)))
        errors = mean_interval(losses_of(run.model, part) - wrong)
        others.append(Probe(each, train, float(np.mean(theirs)), mean_interval(theirs - mine), errors))
    return RateProbe(rate, float(np.mean(sample_losses(model, problem.train))), float(np.mean(mine)), tuple(others))


def sample_losses(model: Model, samples: Samples) -> Floats:
    """The loss of each sample, (n,); infinite where the outputs overflow."""
    everything = slice(None)
    try:
        z = np.asarray(model.outputs_of(samples.inputs(everything)), np.float64)
    except ModelError:  # its outputs overflow
        return np.full(len(samples), np.inf)
    with np.errstate(all="ignore"):
        return np.asarray(model.loss.value(z, samples.y(everything)), np.float64)
