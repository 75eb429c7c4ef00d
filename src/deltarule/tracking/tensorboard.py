"""Tracking for TensorBoard: event files, written by tensorboardX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deltarule.recipes import Recipe
from deltarule.tracking.bands import Band
from deltarule.tracking.tracker import Tracker, absent

__all__ = ["TensorBoard"]


class TensorBoard(Tracker):
    """Writes event files to a folder, which `tensorboard --logdir` shows during training.

    Needs the package tensorboardX: `pip install 'deltarule[track]'`.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._writer = _writer(self._folder)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of an epoch; a reader finds them at once."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def parameters(self, recipe: Recipe) -> None:
        """Write the recipe as text."""
        text = json.dumps(recipe.to_json(), indent=2, ensure_ascii=False)
        self._writer.add_text("recipe", "\n".join(f"    {line}" for line in text.splitlines()))
        self._writer.flush()

    def bands(self, bands: Sequence[Band]) -> None:
        """Write the mean and the band over the seeds of each variant of a comparison, a run for each variant.

        The tab "Custom scalars" shows the bands, the tab "Scalars" the means.
        """
        for variant in dict.fromkeys(each.variant for each in bands):
            writer = _writer(self._folder / _name(variant))
            own = [each for each in bands if each.variant == variant]
            for each in own:
                for place, step in enumerate(each.epochs):
                    for end in ("mean", "lower", "upper"):
                        writer.add_scalar(f"{each.name}/{end}", getattr(each, end)[place], step)
            margins = {
                each.name: ["Margin", [f"{each.name}/{end}" for end in ("mean", "lower", "upper")]] for each in own
            }
            writer.add_custom_scalars({"Mean and band over the seeds": margins})
            writer.close()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _writer(folder: Path) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise absent("tensorboardX") from error
    return SummaryWriter(logdir=str(folder), write_to_disk=True)


def _name(variant: str) -> str:
    """Return a variant's name as that of a folder."""
    return "".join(each if each.isalnum() or each in "=,.-_+ " else "_" for each in variant) or "_"
