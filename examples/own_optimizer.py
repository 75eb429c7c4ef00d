"""An optimizer of one's own in one file: registered, named in a recipe, trained with.

The moment it is registered it has a name for recipes and files; its equation stands above the code that says the same.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import deltarule as dr
from deltarule.formulas import Optimizer


@dr.register("signum")
@dataclass(frozen=True)
class Signum(Optimizer):
    """Step by the sign of a moving average of the gradient.

        m ← β m + (1 − β) g        w ← w − η sign m

    m is 0 at t = 0.  Bernstein, Wang, Azizzadenesheli and Anandkumar (2018), algorithm 2.
    """

    slots: ClassVar[tuple[str, ...]] = ("m",)

    learning_rate: float = 1e-3
    beta: float = 0.9

    def step(self, w: Any, g: Any, t: Any, m: Any) -> tuple[Any, ...]:
        m = self.beta * m + (1.0 - self.beta) * g
        return w - self.learning_rate * np.sign(m), m


def main() -> None:
    wine = dr.load_dataset("wine")
    recipe = dr.Recipe(network=dr.Network(hidden=(16,)), optimizer="signum", epochs=30)
    run = dr.train(recipe, wine)
    print(run.recipe.optimizer)
    print(f"training loss {run.history[0].train_loss:.3f} in epoch 1, {run.history[-1].train_loss:.3f} at the end")
    print(run)


if __name__ == "__main__":
    main()
