"""The catalogue: the faults, the check that should name each, and the data sets that can have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.diagnose import data_faults as of_data
from benchmarks.diagnose import recipe_faults as of_recipe
from benchmarks.diagnose.samples import SETTINGS, Setting

ALL, CLASSES, NUMBERS = tuple(SETTINGS), ("digits", "moons", "breast cancer"), ("friedman",)


@dataclass(frozen=True)
class Fault:
    """A seeded fault.

    apply : puts it into a setting, for a strength of 0 (weak), 1 (medium) or 2 (strong).
    expected : the checks of which one should come first. settings : the data sets that can have it.
    tried : whether its first remedy changes the recipe, so that it can be tried.
    """

    name: str
    apply: Callable[[Setting, int, np.random.Generator], Setting]
    expected: tuple[str, ...]
    settings: tuple[str, ...] = ALL
    tried: bool = False


FAULTS = (
    Fault("copies across sets", of_data.copies_across, ("copies-across-sets",)),
    Fault("copies within the training set", of_data.copies_within, ("copies-within",)),
    Fault("contradictory labels", of_data.contradictions, ("contradictory-labels",), CLASSES),
    Fault("flipped labels", of_data.flipped_labels, ("noisy-labels",), CLASSES),
    Fault("leaking input", of_data.leak, ("leaking-column",)),
    Fault("identifier", of_data.identifier, ("identifier",)),
    Fault("missing class", of_data.missing_class, ("missing-classes", "target-shift"), CLASSES),
    Fault("shifted inputs", of_data.input_shift, ("input-shift",)),
    Fault("shifted targets", of_data.target_shift, ("target-shift",)),
    Fault("few validation samples", of_data.few_validation, ("few-validation-samples",)),
    Fault("imbalance", of_data.imbalance, ("imbalance",), CLASSES),
    Fault("constant inputs", of_data.constant_columns, ("constant-columns",)),
    Fault("duplicated inputs", of_data.duplicated_columns, ("duplicated-columns",)),
    Fault("unscaled inputs", of_data.unscaled, ("unscaled-inputs",), tried=True),
    Fault("sentinel values", of_data.sentinels, ("sentinel-values",), tried=True),
    Fault(
        "extreme values",
        of_data.extreme_values,
        ("extreme-values",),
        ("moons", "breast cancer", "friedman"),
        tried=True,
    ),
    Fault("unscaled targets", of_data.unscaled_targets, ("unscaled-targets",), NUMBERS, tried=True),
    Fault("extreme targets", of_data.extreme_targets, ("extreme-targets",), NUMBERS, tried=True),
    Fault("random targets", of_data.random_targets, ("nothing-learned",)),
    Fault("easy validation samples", of_data.easy_validation, ("too-good",)),
    Fault(
        "linear truth", of_data.linear_truth, ("linear-is-better",), ("digits", "breast cancer", "friedman"), tried=True
    ),
    Fault("few training samples", of_data.few_samples, ("variance",), ("digits", "friedman")),
    Fault("divergence", of_recipe.divergence, ("divergence",), tried=True),
    Fault("equal weights", of_recipe.equal_weights, ("equal-units",), tried=True),
    Fault("small initial weights", of_recipe.small_weights, ("initial-scale",), tried=True),
    Fault("large initial weights", of_recipe.large_weights, ("initial-scale",), tried=True),
    Fault("dead units", of_recipe.dead_units, ("dead-at-start",), tried=True),
    Fault("saturated units", of_recipe.saturated_units, ("saturated-units",), tried=True),
    Fault("vanishing gradients", of_recipe.vanishing, ("vanishing-gradients",), tried=True),
    Fault("exploding gradients", of_recipe.exploding, ("exploding-gradients",), tried=True),
    Fault("quadratic cost", of_recipe.quadratic_cost, ("quadratic-cost",), CLASSES, tried=True),
    Fault("tight clipping", of_recipe.tight_clipping, ("tight-clipping",), tried=True),
    Fault("large batches", of_recipe.large_batches, ("large-batches",), tried=True),
    Fault("noisy batches", of_recipe.noisy_batches, ("noisy-batches",), tried=True),
    Fault("strong penalty", of_recipe.strong_penalty, ("strong-penalty",), tried=True),
    Fault("strong dropout", of_recipe.strong_dropout, ("strong-dropout",), tried=True),
    Fault("high learning rate", of_recipe.high_rate, ("high-learning-rate",), tried=True),
    Fault("low learning rate", of_recipe.low_rate, ("low-learning-rate",), tried=True),
    Fault("decayed learning rate", of_recipe.decayed_rate, ("decayed-rate",), tried=True),
    Fault("few epochs", of_recipe.few_epochs, ("few-steps",), tried=True),
    Fault("overtraining", of_recipe.overtraining, ("overtraining",), tried=True),
    Fault("small network", of_recipe.small_network, ("underfitting",), ("digits", "moons", "friedman"), tried=True),
)
