"""What users write, as the README and the documents show it: mypy and pyright find nothing wrong in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import deltarule as dr
from deltarule import MLPClassifier, MLPRegressor
from deltarule.formulas import Activation, Loss, Optimizer, Sigmoid

digits = dr.load_dataset("digits")
recipe = dr.Recipe(network=dr.Network(hidden=(128, 64), dropout=0.2), optimizer=dr.Adam(1e-3), epochs=10)
run = dr.train(recipe, digits)
print(run, run.model.score(digits.validation.x, digits.validation.y) if digits.validation else None)
run.model.save("digits.safetensors")
print(dr.load_model("digits.safetensors").predict(digits.train.x[:10]))

names = dr.Recipe(
    network=dr.Network(
        hidden=[64, 32],
        activation="relu",
        dropout=[0.1, 0.2, 0.2],
        noise=[0.1, 0.0, 0.0],
        normalization="batch",
        initializer="he",
        bias_initializer="zeros",
    ),
    loss="softmax_cross_entropy",
    optimizer="adam",
    penalty="l2",
    schedule="cosine",
    clipping="norm",
    constraint="max_norm",
    averaging="ema",
    class_weight={"yes": 2.0, "no": 1.0},
    scaling="standard",
    augmentation="rotation",
)
several = dr.Recipe(
    network=dr.Network(hidden=64, activation=["relu", dr.activations.Tanh()]),
    optimizer={"name": "adam", "learning_rate": 0.01},
    penalty=["l2", None, dr.L1(1e-4)],
    schedule=dr.WarmUp(20, then="cosine"),
    scaling=255,
    augmentation=["rotation", dr.Zoom(0.1), {"name": "cutout", "size": 4}],
)
muon = dr.Muon(others="sgd").replace(momentum=0.9)
rate: float = recipe.optimizer.learning_rate
first: Optimizer = names.optimizer
again: dr.Recipe = names.replace(seed=1)
namespaces: tuple[Optimizer, Loss, Activation] = (
    dr.optimizers.Adam(learning_rate=0.01),
    dr.losses.HalfSquaredError(),
    dr.activations.ReLU(),
)
half = dr.HalfSquaredError(inverse_link="sigmoid")
schedule: dr.schedules.Schedule = dr.schedules.CosineDecay(end=0.1)
probability = Sigmoid().value(0.0)
comparison = dr.compare({"one": recipe, "other": names}, digits, seeds=10)
variants = dr.vary(recipe, optimizer=("sgd", "adam"), learning_rate=(0.1, 0.01))
runs = dr.train_many([recipe, names], digits)
classifier = MLPClassifier(hidden_layer_sizes=(20,)).fit(digits.train.x, digits.train.y)
regressor = MLPRegressor(solver="adam")
for epoch in dr.epochs(recipe, digits):
    print(epoch.number, epoch.validation_loss)


@dr.register("signum")
@dataclass(frozen=True)
class Signum(Optimizer):
    """m ← β m + (1 − β) g        w ← w − η sign m."""

    slots = ("m",)
    beta: float = 0.9

    def step(self, w: np.ndarray, g: np.ndarray, t: int, m: np.ndarray) -> tuple[np.ndarray, ...]:
        m = self.beta * m + (1.0 - self.beta) * g
        return w - self.learning_rate * np.sign(m), m


own = dr.Recipe(optimizer=Signum(learning_rate=0.002))
