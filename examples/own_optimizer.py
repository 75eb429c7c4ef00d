"""An optimizer of one's own in one file: registered, named in a recipe, trained with.

The moment it is registered it has a name for recipes and files; its equation stands above the code that says the same.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import deltarule as dr
from deltarule.formulas import Optimizer


@dr.register("lion")
@dataclass(frozen=True)
class Lion(Optimizer):
    """Step by the sign of a blend of gradient and momentum.

        w ← w − η sign(β₁ m + (1 − β₁) g)        m ← β₂ m + (1 − β₂) g

    m is 0 at t = 0.  Chen et al. (2023), algorithm 2, without weight decay.
    """

    slots: ClassVar[tuple[str, ...]] = ("m",)

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.99

    def step(self, w: Any, g: Any, t: Any, m: Any) -> tuple[Any, ...]:
        w = w - self.learning_rate * np.sign(self.beta1 * m + (1.0 - self.beta1) * g)
        return w, self.beta2 * m + (1.0 - self.beta2) * g


def main() -> None:
    wine = dr.load_dataset("wine")
    recipe = dr.Recipe(network=dr.Network(hidden=(16,)), optimizer="lion", epochs=30)
    run = dr.train(recipe, wine)
    print(run.recipe.optimizer)
    print(f"training loss {run.history[0].train_loss:.3f} in epoch 1, {run.history[-1].train_loss:.3f} at the end")
    print(run)


if __name__ == "__main__":
    main()
