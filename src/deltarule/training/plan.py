"""The plan of a training run: what each thread of the compiled engine does in a step."""

from __future__ import annotations

from deltarule.data import Dataset
from deltarule.engines.problem import Planned
from deltarule.engines.registry import engine_of
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.training.preparing import prepared

__all__ = ["plan_text"]


def plan_text(recipe: Recipe, data: Dataset, *, precision: str = "float32", n_threads: int | None = None) -> str:
    """Return what each thread does in a training step and in evaluation, one line for each instruction.

    precision, n_threads : as for `train`.

    Raises `RecipeError` for a full-batch optimizer, for example L-BFGS, which has no such steps.

    >>> import deltarule as dr
    >>> text = plan_text(dr.Recipe(), dr.load_dataset("iris"), n_threads=1)
    >>> print(next(line for line in text.splitlines() if "Forward" in line).strip())
    Forward             z1 = b1 + x W1
    """
    problem, _ = prepared(recipe, data)
    engine = engine_of(problem, "compiled", precision, n_threads)
    if not isinstance(engine, Planned):
        raise RecipeError(
            "an optimizer that takes a step for each batch",
            recipe.optimizer.name,
            'optimizer="adam"',
            field="optimizer",
        )
    return engine.plan_text()
