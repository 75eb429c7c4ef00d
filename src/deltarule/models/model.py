"""A trained network that predicts: raw inputs in, labels or numbers out."""

from __future__ import annotations

import dataclasses
import importlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.engines.members import combined
from deltarule.errors import DataError, ModelError, memory_checked
from deltarule.formulas import Loss
from deltarule.formulas.metrics import METRICS, Predictions
from deltarule.language import count_of
from deltarule.mapped import forget, is_mapped
from deltarule.markup import card, details, table
from deltarule.models.calibration import Calibration, fitted_temperature, probabilities_of_outputs, tempered
from deltarule.models.card import ModelCard
from deltarule.models.conformal import class_scores, class_sets, number_scores, warned_intervals
from deltarule.models.description import layer_table
from deltarule.models.export import Description, described, export_networks
from deltarule.models.files import read_model, write_model
from deltarule.models.model_data import ModelData
from deltarule.models.test_time import mean_over_copies
from deltarule.types import Booleans, Floats, Positions

if TYPE_CHECKING:
    from deltarule.engines.registry import Predictor


_EXPLAIN = "deltarule.studies.explain"
"""The package of studies is above this one: `Model.explain` loads it by its name when it is called."""
_BLOCK = 8192  # samples of a mapped file that are read at a time


class Model(ModelData):  # noqa: D101 - it is explained where its fields are
    @classmethod
    def of(cls, data: ModelData) -> Self:
        """The model with these fields."""
        return cls(**{field.name: getattr(data, field.name) for field in dataclasses.fields(data)})

    @memory_checked
    def raw_outputs(self, x: Any) -> npt.NDArray[Any]:
        """The last layer's weighted sums z for raw inputs x: (n, outputs), in θ's precision."""
        if is_mapped(x):
            return np.concatenate([self._of_block(x[start : start + _BLOCK]) for start in range(0, len(x), _BLOCK)])
        return self._of_block(x)

    def _of_block(self, x: Any) -> npt.NDArray[Any]:
        """The weighted sums for some inputs; what a mapped file gave of them is given back."""
        z = self.outputs_of(self.inputs_of(x))
        forget(x)
        return z

    def outputs_of(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The last layer's weighted sums z for inputs (n, d) as the network takes them, after preprocessing."""
        z = self._predictor(inputs)(inputs)
        return z if self.recipe.network.members == 1 else combined(self.loss, z, self.shape.outputs)

    def write_outputs(self, inputs: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
        """Write what `outputs_of` returns to a target (n, outputs); without several members, sums may overflow."""
        if self.recipe.network.members == 1:
            self._predictor(inputs).write(inputs, target)
        else:
            target[:] = self.outputs_of(inputs)

    def numbers(self, z: npt.NDArray[Any]) -> Floats:
        """The predicted numbers (n, outputs) for the weighted sums z of a regression model, in the targets' units."""
        numbers: Floats = self.loss.output.value(z)
        if self.target_scaling is not None:
            numbers = self.target_scaling.undo(numbers)
        return numbers if self.target_bounds is None else np.clip(numbers, *self.target_bounds)

    def _predictor(self, inputs: npt.NDArray[Any]) -> Predictor:
        """The predictor for inputs of this type."""
        predictor = self._predictors.get(inputs.dtype)
        if predictor is None:
            from deltarule.engines.registry import predictor_of

            network = self.recipe.network
            predictor = predictor_of(self.shape, network, self.parameters, self.scaling, inputs.dtype)
            self._predictors[inputs.dtype] = predictor
        return predictor

    def take_predictors(self, earlier: Model) -> None:
        """Take over what an earlier state of the same network predicts with, which it then must not do any more.

        A prediction during training takes a fraction of the time that it takes with a new predictor.
        """
        for kind, predictor in earlier._predictors.items():
            predictor.load(self.parameters)
            self._predictors[kind] = predictor

    @cached_property
    def _predictors(self) -> dict[np.dtype[Any], Predictor]:
        """The predictors by type of inputs."""
        return {}

    @memory_checked
    def predict(self, x: Any, *, strict: bool | None = False, average_over: Any = None) -> npt.NDArray[Any]:
        """Return the classes (n,), labels (n, k), or numbers (n,) or (n, k), for raw inputs x (n, …).

        A model that was trained on a table takes one: a data frame, a list of dicts, a dict of columns, or an array
        with its columns in their order. Unknown columns are ignored, missing ones are an error.

        Safe to call from several threads at once, also with the same model, and in forked and spawned processes;
        a model can be pickled. The predictions are the same to the last bit in all of them.

        strict : what happens with values of a table unlike the training set's (unseen categories, numbers
            farther out of its range than this is wide, missing values where it had none): False gives a `DataWarning`
            for each column, with the number of rows; True raises a `DataError`; None ignores them.
        average_over : test-time averaging, for models of images: copies of each image, or their names, for example
            `dr.Mirror()` or ["mirror", "shifts"]. The mean of the probabilities, or of the numbers, is taken over every
            combination of them, the image itself included; see `deltarule.copies`.
        """
        if average_over is None:
            z = self.raw_outputs(self._checked(x, strict=strict))
            if self.classes is not None:
                named: npt.NDArray[Any] = self.classes[class_codes(self.loss, z)]
                return named
            values = self.values_of(z)
        else:
            values = self._averaged(x, average_over)
        if self.classes is not None:
            of_mean: npt.NDArray[Any] = self.classes[values.argmax(axis=1)]
            return of_mean
        predicted = (values > 0.5).astype(np.int64) if self.multilabel else values
        return predicted[:, 0] if self.single else predicted

    @memory_checked
    def predict_proba(self, x: Any, *, strict: bool | None = False, average_over: Any = None) -> Floats:
        """Return the probability of each class: (n, classes), rows adding up to 1; two columns for two classes.

        With several labels a sample: the probability of each label, (n, labels).

        Outputs that are not probabilities (a squared error's with an identity link) are clipped to [0, 1]; rows of
        several independent outputs are divided by their sum. `strict` and `average_over` are those of `predict`.
        """
        if not self.labelled:
            raise ModelError("a classifier for probabilities", "a regression model", "model.predict(x)")
        if average_over is None:
            return self.values_of(self.raw_outputs(self._checked(x, strict=strict)))
        values = self._averaged(x, average_over)
        return values if self.multilabel else tempered(values, self.temperature)

    def values_of(self, z: npt.NDArray[Any], *, calibrated: bool = True) -> Floats:
        """What is predicted for weighted sums z: numbers (n, k), or probabilities (n, classes) or (n, labels).

        calibrated : whether the probabilities of classes have the temperature of the calibration.
        """
        if self.multilabel:
            return np.asarray(np.clip(self.loss.output.value(z), 0.0, 1.0), dtype=np.float64)
        if self.classes is None:
            return self.numbers(z)
        probabilities = probabilities_of_outputs(self.loss.output.value(z))
        return tempered(probabilities, self.temperature) if calibrated else probabilities

    def _averaged(self, x: Any, average_over: Any) -> Floats:
        """The mean over the copies of raw inputs x of what is predicted for them, before the temperature."""

        def predicted(copy: npt.NDArray[Any]) -> Floats:
            return self.values_of(self.raw_outputs(copy), calibrated=False)

        return mean_over_copies(predicted, x, self.input_shape, average_over)

    @property
    def temperature(self) -> float:
        """The temperature of the probabilities: 1 before `calibrated`."""
        return 1.0 if self.calibration is None else self.calibration.temperature

    @property
    def scores(self) -> Floats:
        """The conformal scores of samples not trained on, (n, 1) or (n, k); none before `calibrated`."""
        return np.zeros((0, 1)) if self.calibration is None else self.calibration.scores

    def calibrated(self, x: Any, y: Any) -> Model:
        """Return the model with probabilities calibrated, and intervals or sets fitted, on samples not trained on.

        x, y : (n, …) raw samples and their classes, or numbers (n,) or (n, k).

        Of a classifier one temperature is fitted to the probabilities; see `models.calibration`. The scores for
        `predict_interval` and `predict_set` are those of split conformal prediction; see `models.conformal`.

        >>> import deltarule as dr
        >>> data = dr.load_dataset("diabetes")
        >>> run = dr.train(dr.Recipe(epochs=20), data)
        >>> model = run.model.calibrated(run.data.validation.x, run.data.validation.y)
        >>> model.predict_interval(data.test.x[:2], coverage=0.8).shape
        (2, 2)
        """
        if self.multilabel:
            raise ModelError("a model of classes or of numbers", "several labels a sample")
        bare = dataclasses.replace(self, calibration=None)
        predicted = (bare.predict if self.classes is None else bare.predict_proba)(x, strict=None)
        return dataclasses.replace(self, calibration=calibration_of(predicted, self.classes, y))

    def predict_interval(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Floats:
        """Return an interval for each row: (n, 2), its lower and upper end, or (n, k, 2) for k targets.

        coverage : the fraction of rows whose target is in their interval, for rows like those of `calibrated`.

        The ends are infinite, with a `DataWarning`, where the calibration had too few samples for the coverage.
        """
        scores = self._scores("predict_interval", "regression" if self.classes is None else "")
        numbers = np.asarray(self.predict(x, strict=strict), np.float64)
        found = warned_intervals(numbers.reshape(len(numbers), -1), scores, coverage)
        return found[:, 0] if self.single else found

    def predict_set(self, x: Any, coverage: float = 0.9, *, strict: bool | None = False) -> Booleans:
        """Return whether each class is in the set of each row (n, classes), in the order of `classes`.

        coverage : the least fraction of rows whose class is in their set, for rows like those of `calibrated`. It is
            exceeded where the most probable class, which is always in the set, is right more often.
        """
        scores = self._scores("predict_set", "classification" if self.classes is not None else "")
        return class_sets(self.predict_proba(x, strict=strict), scores, coverage)

    def _scores(self, method: str, task: str) -> Floats:
        """Return the scores of the calibration, for a method of a task."""
        if not task:
            other = {"predict_interval": "predict_set", "predict_set": "predict_interval"}[method]
            raise ModelError(f"a model that {method} is for", repr(self), f"model.{other}(x)")
        if self.calibration is None:
            raise ModelError(
                "a calibrated model", "one without calibration", "model.calibrated(x, y), or run.calibrated()"
            )
        return self.calibration.scores

    def score(self, x: Any, y: Any, *, average_over: Any = None) -> float:
        """Return the accuracy, or R² for regression (pooled over several outputs).

        With several labels a sample, the accuracy is the fraction of samples all of whose labels are right.
        `average_over` is that of `predict`.
        """
        return score_of(self.predict(x, strict=None, average_over=average_over), y, labelled=self.labelled)

    def card(self) -> ModelCard:
        """Return the model's card: architecture, data, scores, diagnosis, recipe and versions; text, HTML and Markdown.

        Scores and the diagnosis are there where `Run.save`, `Run.card` or `deltarule train` measured them.
        """
        return ModelCard.of(self)

    def explain(self, x: Any, background: Any, **options: Any) -> Any:
        """Return an `Explanation` of the predictions for raw inputs x (n, …): what each feature contributes.

        background : samples like those of training, whose mean prediction is the base value.
        options : those of `deltarule.explain`: method, raw, pairs, most_background, steps, seed.

        >>> import deltarule as dr
        >>> data = dr.load_dataset("iris")
        >>> model = dr.train(dr.Recipe(epochs=20), data).model
        >>> model.explain(data.test.x, data.train.x, raw=True).values.shape
        (15, 4, 3)
        """
        return importlib.import_module(_EXPLAIN).explain(self, x, background, **options)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model: one `.safetensors` file, or `.json` for people to read (sigmoid networks only).

        Written beside its place and then moved there, so a file is whole or absent.
        """
        return write_model(self, Path(path))

    def description(self) -> Description:
        """Return what it computes from a raw row, as exports describe it."""
        return described([self], self._exported_temperature())

    def export(
        self, path: str | os.PathLike[str], to: str | None = None, *, name: str | None = None, int8: bool = False
    ) -> list[Path]:
        """Write what the model computes from raw rows for other programs; return the files.

        to : "onnx"; "c", C99 with a header; "numpy", a Python file that needs NumPy alone; "javascript", an ES module;
            or "json"; None for that of the path's ending.
        name : what the public names of C begin with; None for the name of the file.
        int8 : whether the weights of C are integers of 8 bits.
        """
        return export_networks([self], self._exported_temperature(), path, to, name=name, int8=int8)

    def _exported_temperature(self) -> float | None:
        """Return the temperature of a calibrated classifier's probabilities; None for other models."""
        if self.calibration is None or self.classes is None:
            return None
        if self.recipe.network.members > 1:
            raise ModelError("a network of one member, or one without calibration, to export", repr(self))
        return self.temperature

    def __repr__(self) -> str:
        shape = "-".join(map(str, self.sizes))
        what = f"{len(self.classes)} classes" if self.classes is not None else "regression"
        what = f"{self.shape.outputs} labels" if self.multilabel else what
        return f"Model({shape}, {self.shape.trained:,} parameters, {what})"

    def _checked(self, x: Any, *, strict: bool | None) -> Any:
        """Return the inputs, as a table where the model needs one; report values unlike those of the training set."""
        return x if self.encoding is None else self.encoding.familiar(x, strict=strict)

    def _repr_html_(self) -> str:
        """Return the layers and what the model predicts, for a notebook."""
        inputs = (
            count_of(self.shape.inputs, "number")
            if self.encoding is None
            else count_of(len(self.encoding.expected()), "column")
        )
        names = [] if self.classes is None else [self.name_of(label) for label in self.classes[:20].tolist()]
        more = ", …" if self.classes is not None and len(self.classes) > len(names) else ""
        number = f"{self.shape.outputs} labels" if self.multilabel else "numbers"
        predicts = number if self.classes is None else ", ".join(names) + more
        rows = [("Inputs", inputs), ("Predicts", predicts), ("Parameters", f"{self.shape.trained:,}")]
        layers = table(("layer", "weights", "activation", "parameters"), layer_table(self))
        return card("Model", "-".join(map(str, self.sizes)), rows, layers, details("Recipe", self.recipe.to_json()))

    def inputs_of(self, given: Any) -> npt.NDArray[Any]:
        """Return the network's inputs (n, d) for raw samples, before scaling: of a table, its encoded columns."""
        if self.encoding is not None:
            return self.encoding(given)
        x: npt.NDArray[Any] = np.asarray(given)
        inputs = self.shape.inputs
        if x.shape[1:] != self.input_shape and not (x.ndim == 2 and x.shape[1] == inputs):
            sample = " × ".join(map(str, self.input_shape))
            instead = "model.predict(x[None]) for one sample" if x.shape == self.input_shape else None
            raise ModelError(f"inputs of shape (n, {sample})", f"{x.shape}", instead)
        if x.dtype.kind not in "fiub":
            raise ModelError("numbers as inputs", f"dtype {x.dtype}")
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise ModelError("finite inputs", "NaN or infinity")
        return x.reshape(len(x), inputs)


def score_of(predicted: npt.NDArray[Any], y: Any, *, labelled: bool) -> float:
    """Return the accuracy of predicted labels, or R² of numbers, pooled over several outputs.

    R² is NaN where all targets are equal, unless all predictions are right. Raises DataError for targets y of another
    shape than the predictions, (n,) or (n, k); for one output (n,) and (n, 1) are the same.
    """
    y = np.asarray(y)
    if y.shape != predicted.shape:
        n = len(predicted)
        if not {y.shape, predicted.shape} <= {(n,), (n, 1)}:
            raise DataError(f"targets of shape {predicted.shape}", f"shape {y.shape}", field="y")
        y = y.reshape(predicted.shape)
    if labelled:
        right = predicted == y
        return float(np.mean(right.all(axis=1) if right.ndim == 2 else right))
    shape = (len(y), 1) if y.ndim == 1 else y.shape
    return METRICS["r2"](Predictions(*(each.astype(np.float64).reshape(shape) for each in (y, predicted))))


def codes_of(classes: npt.NDArray[Any], y: Any) -> Positions:
    """Return the class (n,) of each label as its index; raise DataError for labels that are no classes.

    >>> codes_of(np.array(["a", "b"]), ["b", "a"]).tolist()
    [1, 0]
    """
    labels = np.asarray(y)
    known = np.isin(labels, classes)
    if labels.ndim != 1 or not known.all():
        shown = ", ".join(repr(label) for label in classes.tolist()[:10])
        got = repr(labels[~known].tolist()[0]) if labels.ndim == 1 else f"shape {labels.shape}"
        raise DataError(f"labels (n,) that the model knows ({shown})", got, field="y")
    return np.searchsorted(classes, labels)


def calibration_of(predicted: npt.NDArray[Any], classes: npt.NDArray[Any] | None, y: Any) -> Calibration:
    """Return what is fitted to predicted numbers, (n,) or (n, k), or probabilities (n, classes), and the targets y."""
    if classes is None:
        numbers, truth = np.asarray(predicted, np.float64), np.asarray(y, np.float64)
        if truth.shape != numbers.shape or not np.isfinite(truth).all():
            raise DataError(f"finite numbers of shape {numbers.shape}", f"shape {truth.shape}", field="y")
        return Calibration(number_scores(numbers, truth).reshape(len(truth), -1))
    codes = codes_of(classes, y)
    if len(codes) != len(predicted):
        raise DataError(f"{len(predicted)} labels", f"{len(codes)}", field="y")
    temperature = fitted_temperature(predicted, codes)
    return Calibration(class_scores(tempered(predicted, temperature), codes), temperature)


def class_codes(loss: Loss, z: npt.NDArray[Any]) -> Positions:
    """The class (n,) that raw outputs z (n, outputs) predict, as its index."""
    single = z.shape[1] == 1
    codes: Positions = (loss.output.value(z)[:, 0] > 0.5).astype(np.intp) if single else np.argmax(z, axis=1)
    return codes


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file that `Model.save` wrote, or in a readable `.json` of sigmoid networks.

    Raises ModelFileError where the file is missing, cut short, foreign, or claims more than it holds.
    """
    return Model.of(read_model(Path(path)))
