"""What users write, as the README and the documents show it: mypy and pyright find nothing wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import deltarule as dr
from deltarule import MLPClassifier, MLPRegressor
from deltarule.formulas import Activation, Loss, Optimizer, Sigmoid


def readme() -> npt.NDArray[np.float64]:
    digits = dr.load_dataset("digits")
    recipe = dr.Recipe(network=dr.Network(hidden=(128, 64), dropout=0.2), optimizer=dr.Adam(1e-3), epochs=10)
    run = dr.train(recipe, digits)
    score: float = run.model.score(digits.test.x, digits.test.y) if digits.test else 0.0
    run.model.save("digits.safetensors")
    return score * dr.load_model("digits.safetensors").predict(digits.train.x[:10])


def named() -> dr.Recipe:
    return dr.Recipe(
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


def mixed() -> dr.Recipe:
    return dr.Recipe(
        network=dr.Network(hidden=64, activation=["relu"]),
        optimizer={"name": "adam", "learning_rate": 0.01},
        penalty=["l2", dr.L1(1e-4)],
        schedule=dr.WarmUp(20, then="cosine"),
        scaling=255,
        augmentation=["rotation", dr.Zoom(0.1), {"name": "cutout", "size": 4}],
    )


def several() -> dr.Recipe:
    layers = dr.Network(hidden=[64, 32], activation=["relu", dr.activations.Tanh()], normalization=None)
    return dr.Recipe(network=layers, penalty=("l2", None, None), optimizer=dr.Muon(others="sgd"), stopping=None)


def attributes(recipe: dr.Recipe) -> Iterator[float]:
    """Fields have the type that they are converted to, whatever they were given as."""
    optimizer: Optimizer = recipe.optimizer
    schedule: dr.schedules.Schedule = recipe.schedule
    again: dr.Recipe = recipe.replace(seed=1)
    yield optimizer.learning_rate
    yield float(schedule.rate(1, 10))
    yield again.network.dropout_rates[0]


def namespaces() -> tuple[Optimizer, Loss, Activation, dr.schedules.Schedule]:
    assert Sigmoid().value(0.0) == dr.activations.Sigmoid().value(0.0)
    return (
        dr.optimizers.Adam(learning_rate=0.01).replace(beta1=0.8),
        dr.losses.HalfSquaredError(inverse_link="sigmoid"),
        dr.activations.ReLU(),
        dr.schedules.CosineDecay(end=0.1),
    )


def studies(one: dr.Recipe, other: dr.Recipe, data: dr.Dataset) -> list[float | None]:
    dr.compare({"one": one, "other": other}, data, seeds=10)
    dr.vary(one, optimizer=("sgd", "adam"), learning_rate=(0.1, 0.01))
    dr.train_many([one, other], data)
    MLPClassifier(hidden_layer_sizes=(20,)).fit(data.train.x, data.train.y)
    MLPRegressor(solver="adam").fit(data.train.x, data.train.y)
    return [epoch.validation_loss for epoch in dr.epochs(one, data)]


def arrays(x: npt.NDArray[np.float64], y: npt.NDArray[np.str_], recipe: dr.Recipe) -> dr.Run:
    """Data in all forms, callbacks, and what a run offers."""

    def improves(epoch: dr.Epoch) -> bool:
        return epoch.validation_score > 0.99

    losses: list[float] = []
    dr.train(recipe, (x, y), progress=False, on_epoch=lambda epoch: losses.append(epoch.train_loss))
    dr.train_many([recipe], (x, y))
    for epoch in (training := dr.epochs(recipe, x, y)):
        if improves(epoch):
            training.stop()
    run = dr.train(recipe, x, y, on_epoch=improves)
    scores: dict[str, dr.Evaluation] = run.evaluate()
    run.plot().save("curves.png")
    assert run.diagnose(short=True)
    assert scores["train"].score >= 0
    return run


def replaced(recipe: dr.Recipe) -> dr.Recipe:
    """`replace` takes what the constructor takes."""
    network = recipe.network.replace(hidden=[64, 32], activation=["relu", "tanh"])
    return recipe.replace(network=network, optimizer="sgd", penalty=["l2", None, None], scaling=255, stopping=None)


def estimators(x: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> None:
    MLPClassifier([20, 10], activation=["relu", dr.activations.Tanh()], solver=dr.SGD(0.1), dropout=[0.1, 0.2, 0.2])
    MLPRegressor(loss="huber", normalization="batch", schedule="cosine", prepare=dr.Preparation()).fit(x, y)


def own() -> dr.Recipe:
    @dr.register("signum")
    @dataclass(frozen=True)
    class Signum(Optimizer):
        """m ← β m + (1 − β) g        w ← w − η sign m."""

        slots = ("m",)
        beta: float = 0.9

        def step(self, w: np.ndarray, g: np.ndarray, t: int, m: np.ndarray) -> tuple[np.ndarray, ...]:
            m = self.beta * m + (1.0 - self.beta) * g
            return w - self.learning_rate * np.sign(m), m

    return dr.Recipe(optimizer=Signum(learning_rate=0.002))
