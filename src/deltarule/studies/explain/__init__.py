"""Why this prediction: Shapley values, attributions by gradients, and effects of features."""

from deltarule.studies.explain.effects import Effect, accumulated_local_effects, partial_dependence
from deltarule.studies.explain.explanation import Explanation, explain
from deltarule.studies.explain.first_layer_images import weight_images
from deltarule.studies.explain.importance import Importance, permutation_importance

__all__ = [
    "Effect",
    "Explanation",
    "Importance",
    "accumulated_local_effects",
    "explain",
    "partial_dependence",
    "permutation_importance",
    "weight_images",
]
