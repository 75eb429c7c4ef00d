"""A network drawn as a graph, and the same network with dropped units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas.random import kept
from deltarule.types import Booleans

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES, RATE = (4, 6, 6, 3), 0.5


@dataclass(frozen=True)
class NetworkGraph(Illustration):
    """The network 4-6-6-3, and the units that dropout with rate 0.5 keeps at the first step for one sample.

    kept : for each layer, whether its units are kept.
    """

    name: ClassVar[str] = "network"
    shows: ClassVar[str] = "a network, and the same with dropped units"

    kept: list[Booleans]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Draw the dropout masks of the hidden layers as the engines do."""
        masks = [np.ones(size, dtype=bool) for size in SIZES]
        for layer in range(1, len(SIZES) - 1):
            masks[layer] = kept(seed, layer, 1, 1, SIZES[layer], RATE)[0]
        return cls(masks)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the sizes, and the weights of the whole and of the thinned network."""
        whole = sum(a * b for a, b in pairwise(SIZES))
        counts = [int(mask.sum()) for mask in self.kept]
        thinned = sum(a * b for a, b in pairwise(counts))
        return {"sizes": list(SIZES), "kept_units": counts, "weights": whole, "weights_in_use": thinned}

    @property
    def sentence(self) -> str:
        """Describe the thinned network."""
        facts = self.facts
        hidden, units = sum(facts["kept_units"][1:-1]), sum(SIZES[1:-1])
        return (
            f"Dropout with rate {RATE:g} sets random hidden units to 0, different ones for every sample and step: here "
            f"{hidden} of {units} remain, with {facts['weights_in_use']} of {facts['weights']} weights. Their outputs "
            f"are divided by 1 − {RATE:g}, which keeps the mean; predictions use all units and divide nothing."
        )

    def picture(self) -> Figure:
        """Draw the whole and the thinned network."""
        from deltarule.figures.network import draw_network
        from deltarule.figures.style import figure

        picture = figure(6.8, 3.3)
        left, right = picture.subplots(1, 2)
        names = ["Input", "Hidden 1", "Hidden 2", "Output"]
        draw_network(left, SIZES, names, title="All units: prediction")
        draw_network(right, SIZES, names, kept=self.kept, title=f"One training step, dropout {RATE:g}")
        return picture
