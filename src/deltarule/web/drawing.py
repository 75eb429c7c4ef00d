"""The view *Draw*: a drawing as the network sees it, its probabilities, and fine-tuning on examples."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deltarule.data import Dataset, Part
from deltarule.errors import DataError, DeltaruleError
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.studies.explain.explained import explained
from deltarule.studies.explain.gradients import integrated_gradients
from deltarule.studies.explain.shapley import Game
from deltarule.training import Epoch, epochs
from deltarule.types import Floats
from deltarule.web.application import Routes
from deltarule.web.guard import Refusal
from deltarule.web.rows import read_object
from deltarule.web.served_model import Array, ServedModel, plain
from deltarule.web.service import Service
from deltarule.web.strokes import image_of

Attribution: TypeAlias = Callable[[Model, Array, int], Array]
"""The contribution of each input (d,) to a class: of a model, inputs (1, d) and the place of the class."""

SHAPES = ((8, 8), (28, 28))
_UNITS = 8
_EXAMPLES = 200
_STEPS = 24
"""Of the integral: enough for a picture, few enough to follow the pen."""
_TUNING = 4000
"""Training samples beside the examples in fine-tuning: enough to keep what was learned, few enough to take a second."""


@dataclasses.dataclass
class Progress:
    """A training run that the page shows while it runs.

    what : "train" or "tune"; `scores` are the validation accuracies after each epoch.
    """

    what: str
    total: int
    scores: list[float] = dataclasses.field(default_factory=list)
    status: str = "running"
    error: str = ""
    before: float | None = None
    label: str = ""

    def reached(self, epoch: Epoch) -> None:
        """Add an epoch."""
        self.scores.append(epoch.validation_score)


def deciding_pixels(model: Model, inputs: Array, place: int) -> Array:
    """Return the integrated gradients (d,) of a class's probability, from a blank image to the inputs (1, d).

    Pixels above 0 are for the class, those below against it; together they are the change of its probability.
    """
    chosen = explained(model)
    rows = chosen.rows(inputs.reshape(1, *model.input_shape))
    game = Game.of(chosen, chosen.inputs(rows), chosen.inputs(np.zeros_like(rows)))
    values: Array = integrated_gradients(game, _STEPS)[0, :, place]
    return values


class Drawing:
    """The view's state and routes.

    load : gives the data set on which a network is trained or fine-tuned; None where it is not known.
    attribution : says which pixels decided, where an explanation is available.
    """

    def __init__(
        self, service: Service, load: Callable[[], Dataset] | None, attribution: Attribution | None = deciding_pixels
    ) -> None:
        self._service, self._load, self._attribution = service, load, attribution
        self._data: Dataset | None = None
        self._examples: list[tuple[Floats, int]] = []
        self._closed = threading.Event()
        self.progress: Progress | None = None

    @property
    def routes(self) -> Routes:
        """The routes of this view."""
        return {
            "/draw/state": ("GET", self.state),
            "/draw/look": ("POST", self.look),
            "/draw/examples": ("POST", self.example),
            "/draw/train": ("POST", self.train),
        }

    def close(self) -> None:
        """Stop what is being trained."""
        self._closed.set()

    def served(self) -> ServedModel | None:
        """Return the model that classifies drawings: the first one of images of digits."""
        models = (each.served for each in self._service.batchers.values())
        return next((each for each in models if sees_digits(each)), None)

    def start(self) -> None:
        """Train a network in a thread."""
        assert self._load is not None
        progress = Progress("train", 0)
        self._service.jobs.start(self._run, self._trained, progress)
        self.progress = progress

    async def state(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """Answer which model there is, and how far training has come."""
        served = self.served()
        return JSONResponse(
            {
                "model": None if served is None else served.description(),
                "progress": None if self.progress is None else dataclasses.asdict(self.progress),
                "examples": len(self._examples),
                "trainable": self._load is not None,
            }
        )

    async def train(self, request: Request) -> Response:
        """Train a network on handwritten digits."""
        if self._load is None or self._busy:
            raise Refusal(429, "A network is being trained already, or its data are unknown.")
        self.start()
        return await self.state(request)

    async def look(self, request: Request) -> Response:
        """Answer the network's input for strokes, its probabilities, and the contribution of each pixel."""
        served = self._required()
        image = image_of(read_object(await request.body()).get("strokes"), _shape(served))
        inputs = served.encoded(image[np.newaxis])
        results = await self._service.batcher(served.name).predict(inputs)
        probabilities = results["probabilities"][0]
        best = int(probabilities.argmax())
        return JSONResponse(
            {
                "shape": list(_shape(served)),
                "image": (image / image.max() * 255).round().astype(int).ravel().tolist(),
                "classes": served.classes,
                "probabilities": plain(probabilities),
                "units": strongest_units(served.network, inputs),
                "attribution": await asyncio.to_thread(self._attributed, served.network, inputs, best),
            }
        )

    async def example(self, request: Request) -> Response:
        """Keep a drawing with its label, and fine-tune the network on all that were kept."""
        served, asked = self._required(), read_object(await request.body())
        if self._load is None:
            raise Refusal(400, "Expected a model whose training data are known, got one without them.")
        if self._busy:
            raise Refusal(429, "The network is being trained already.")
        classes = [str(each) for each in served.classes or ()]
        if asked.get("label") not in classes:
            raise DataError(f"one of {', '.join(classes)}", str(asked.get("label"))[:80], field="label")
        if len(self._examples) >= _EXAMPLES:
            raise Refusal(429, f"Expected at most {_EXAMPLES} examples.")
        code = classes.index(asked["label"])
        image = image_of(asked.get("strokes"), _shape(served))
        examples = [*self._examples, (image, code)]
        progress = Progress("tune", 6, label=asked["label"])
        progress.before = float(served.predicted(served.encoded(image[np.newaxis]))["probabilities"][0, code])
        self._service.jobs.start(self._run, self._tuned, progress, served, examples)
        self.progress, self._examples = progress, examples
        return await self.state(request)

    @property
    def _busy(self) -> bool:
        return self.progress is not None and self.progress.status == "running"

    def _required(self) -> ServedModel:
        served = self.served()
        if served is None:
            raise Refusal(503, "There is no network for drawings yet.")
        return served

    def _attributed(self, model: Model, inputs: Array, best: int) -> list[float] | None:
        if self._attribution is None:
            return None
        try:
            values = self._attribution(model, inputs, best)
        except DeltaruleError:  # of several members, for example
            return None
        return plain(values / max(float(np.abs(values).max()), 1e-12))

    def _run(self, work: Callable[..., ServedModel], progress: Progress, *more: Any) -> None:
        """Run a training in a job's thread, and serve its model."""
        try:
            served = work(progress, *more)
            served.warm()
        except Exception as error:
            if not isinstance(error, DeltaruleError):
                logging.getLogger("deltarule.web").exception("Error of a training")
            progress.error = str(error)
            progress.status = "failed"
            return
        self._service.offer([served])
        progress.status = "stopped" if self._closed.is_set() else "finished"

    def _dataset(self) -> Dataset:
        if self._data is None:
            assert self._load is not None
            self._data = self._load()
        return self._data

    def _trained(self, progress: Progress) -> ServedModel:
        data = self._dataset()
        small = data.train.x.shape[1:] == (8, 8)
        augmentation = [{"name": "rotation", "degrees": 8.0}, {"name": "shear", "degrees": 8.0}] if small else None
        recipe = Recipe(
            network=Network(hidden=(96,) if small else (128,)), epochs=30 if small else 4,
            batch_size=32 if small else 64, stopping=None, augmentation=augmentation,
        )  # fmt: skip
        progress.total = recipe.epochs
        return ServedModel(data.name, self._advanced(epochs(recipe, data, n_threads=1), progress))

    def _tuned(self, progress: Progress, served: ServedModel, examples: Sequence[tuple[Floats, int]]) -> ServedModel:
        """Continue from the model's weights on its training samples and many copies of the examples."""
        data, model = self._dataset(), served.network
        rows = np.random.default_rng(len(examples)).permutation(len(data.train))[:_TUNING]
        copies = max(8, len(rows) // 40 // len(examples))
        images = np.concatenate([np.repeat(image[np.newaxis], copies, axis=0) for image, _ in examples])
        labels = np.repeat([code for _, code in examples], copies)
        x = np.concatenate([data.train.x[rows], images.round().astype(data.train.x.dtype)])
        y = np.concatenate([data.train.y[rows], data.train.y.dtype.type(labels)])
        mixed = dataclasses.replace(data, train=Part(x, y))
        recipe = model.recipe.replace(epochs=progress.total, stopping=None)
        training = epochs(recipe, mixed, n_threads=1, initial_parameters=model)
        return ServedModel(served.name, self._advanced(training, progress))

    def _advanced(self, training: Any, progress: Progress) -> Model:
        each: Iterable[Epoch] = training
        for epoch in each:
            progress.reached(epoch)
            if self._closed.is_set():
                training.stop()
        model: Model = training.model
        return model


def sees_digits(served: ServedModel) -> bool:
    """Whether a model takes images of digits."""
    shape = served.model.input_shape
    return served.model.encoding is None and shape in SHAPES and len(served.classes or ()) == 10


def strongest_units(model: Model, inputs: Array) -> list[dict[str, Any]]:
    """Return the units of the first layer with the largest activations for inputs (1, d), and their weights.

    Each has its place, its activation, and its weights as an image, divided by the largest of them.
    """
    network = model.recipe.network
    if not network.hidden or network.normalization is not None or network.members > 1:
        return []
    weights, biases = model.layers[0]
    z = model.scaling(inputs) @ weights + biases
    a = np.asarray(network.activations[0].value(z))[0]
    places = np.argsort(-np.abs(a))[:_UNITS]
    found = []
    for place in places.tolist():
        column = weights[:, place] / max(float(np.abs(weights[:, place]).max()), 1e-12)
        found.append({"unit": place, "activation": float(a[place]), "weights": column.round(3).tolist()})
    return found


def _shape(served: ServedModel) -> tuple[int, int]:
    height, width = served.model.input_shape
    return height, width
