"""Networks trained like another one with a tenth and with ten times its learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.problem import Problem, Samples
from deltarule.models import Model
from deltarule.studies.diagnose.estimates import mean_interval
from deltarule.training import train_many
from deltarule.types import Floats

FACTOR = 10.0


@dataclass(frozen=True)
class Probe:
    """The losses with another learning rate.

    rate : the learning rate. train, validation : the mean losses; infinite where training diverged.
    difference : its validation loss minus the network's (the training loss, without a validation set), with the ends
        of the 95 % interval over the samples.
    """

    rate: float
    train: float
    validation: float
    difference: tuple[float, float, float]


@dataclass(frozen=True)
class RateProbe:
    """The losses of the network and of those with other learning rates."""

    rate: float
    train: float
    validation: float
    lower: Probe
    higher: Probe


def probe_rates(model: Model, data: Dataset, problem: Problem) -> RateProbe | None:
    """Train with a tenth and with ten times the learning rate, all else equal; None without a learning rate."""
    rate = getattr(model.recipe.optimizer, "learning_rate", None)
    if rate is None or model.recipe.optimizer.granularity == "full-batch":
        return None
    rates = (rate / FACTOR, rate * FACTOR)
    recipes = [model.recipe.replace(optimizer=model.recipe.optimizer.replace(learning_rate=each)) for each in rates]
    runs = train_many(recipes, data)
    held = problem.validation or problem.train
    mine = sample_losses(model, held)

    def probed(place: int) -> Probe:
        run = runs[place]
        if run.status == "diverged":
            return Probe(rates[place], np.inf, np.inf, (np.inf, np.inf, np.inf))
        theirs = sample_losses(run.model, held)
        train = float(np.mean(sample_losses(run.model, problem.train)))
        return Probe(rates[place], train, float(np.mean(theirs)), mean_interval(theirs - mine))

    train = float(np.mean(sample_losses(model, problem.train)))
    return RateProbe(rate, train, float(np.mean(mine)), probed(0), probed(1))


def sample_losses(model: Model, samples: Samples) -> Floats:
    """The loss of each sample, (n,)."""
    everything = slice(None)
    with np.errstate(all="ignore"):
        z = np.asarray(model.outputs_of(samples.inputs(everything)), np.float64)
        return np.asarray(model.loss.value(z, samples.y(everything)), np.float64)
