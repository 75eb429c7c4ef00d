"""Tracking with Weights & Biases, offline unless requested otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from deltarule.recipes import Recipe
from deltarule.tracking.bands import Band
from deltarule.tracking.tracker import Tracker, absent

__all__ = ["WandB"]


class WandB(Tracker):
    """Records a run of Weights & Biases in a folder; `wandb sync` uploads it.

    folder : for the folder "wandb" of the record.
    project : its name.
    mode : "offline"; or "online", which sends the record during training, to the account that `wandb login` set.

    Needs the package wandb.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] = ".",
        project: str = "deltarule",
        mode: Literal["offline", "online"] = "offline",
    ) -> None:
        try:
            import wandb
        except ImportError as error:
            raise absent("wandb") from error
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True)
        self._run: Any = wandb.init(
            project=project, dir=str(Path(folder)), mode=mode, settings=settings, reinit="create_new"
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values of an epoch."""
        self._run.log(dict(values), step=step)

    def parameters(self, recipe: Recipe) -> None:
        """Record the recipe as the configuration."""
        self._run.config.update(recipe.to_json())

    def bands(self, bands: Sequence[Band]) -> None:
        """Record the mean and the band over the seeds of each variant of a comparison."""
        steps: dict[int, dict[str, float]] = {}
        for each in bands:
            for place, step in enumerate(each.epochs):
                ends = {
                    f"{each.variant}/{each.name}/{end}": getattr(each, end)[place] for end in ("mean", "lower", "upper")
                }
                steps.setdefault(step, {}).update(ends)
        for step in sorted(steps):
            self.write(step, steps[step])

    def close(self) -> None:
        """End the run."""
        self._run.finish()
