"""Networks of other libraries as models: scikit-learn, ONNX, PyTorch, Keras, and Nielsen's `network2`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deltarule.errors import ModelError
from deltarule.formulas import Activation
from deltarule.models.files import file_errors
from deltarule.models.importing.imported import Imported, activation_of
from deltarule.models.importing.keras_weights import from_keras
from deltarule.models.importing.onnx_file import read_onnx
from deltarule.models.importing.onnx_network import from_onnx
from deltarule.models.importing.scikit_learn import from_scikit_learn
from deltarule.models.importing.state_dict import from_state_dict
from deltarule.models.model import Model, load_model

__all__ = ["import_model"]

_KINDS = ".onnx, .safetensors (a state_dict of PyTorch), .weights.h5 (Keras), .json (network2)"


def import_model(
    source: Any, *, activation: Any = None, output_activation: str | None = None, classes: Sequence[Any] | None = None
) -> Model:
    """Return a network of another library as a `Model`, which predicts as that library does, within 10⁻⁶.

    source : a fitted MLPClassifier or MLPRegressor of scikit-learn, alone or after scalers in a Pipeline; or a file:
        .onnx, a perceptron of matrix products, elementwise activations, scalings, and a softmax or sigmoid;
        .safetensors, a `state_dict` of PyTorch's linear layers; .weights.h5, weights of Keras's dense layers;
        .json, a network of Nielsen's `network2`.
    activation : of the hidden layers, where the file has none (a state_dict, Keras's weights): a name, an `Activation`,
        or a list of one for each hidden layer.
    output_activation : "softmax", "sigmoid" or "identity", where the file ends with weighted sums (default: "softmax"
        with several classes, "sigmoid" with two classes and one output, otherwise "identity").
    classes : the classes in the order of the outputs, where the file has none (default: none, which is regression;
        0, 1, … after a softmax).

    Nothing in a file is run, imported or unpickled, and nothing outside it is read. Raises ModelError for a network
    that deltarule does not have, with the layer or the operation at fault; ModelFileError for a damaged file.

    >>> from sklearn.neural_network import MLPClassifier
    >>> import deltarule as dr
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]] * 5, ["low", "low", "high", "high"] * 5
    >>> theirs = MLPClassifier((4,), solver="lbfgs", random_state=0).fit(x, y)
    >>> dr.import_model(theirs).predict([[0.5], [2.5]]).tolist()
    ['low', 'high']
    """
    if not isinstance(source, (str, os.PathLike)):
        if not type(source).__module__.startswith("sklearn."):
            came = f"{type(source).__module__}.{type(source).__name__}"
            raise ModelError(f"a fitted perceptron of scikit-learn, or a file: {_KINDS}", came, field="source")
        return from_scikit_learn(source).with_choices(output_activation, classes).model()
    path = Path(source)
    if path.suffix == ".json":
        return load_model(path)
    several = isinstance(activation, Sequence) and not isinstance(activation, str)
    hidden = [activation_of(each) for each in (activation if several else [activation]) if each is not None]
    with file_errors(path):
        return _from_file(path, hidden).with_choices(output_activation, classes).model()


def _from_file(path: Path, hidden: list[Activation]) -> Imported:
    if path.suffix == ".onnx":
        return from_onnx(read_onnx(path))
    if path.suffix == ".safetensors":
        return from_state_dict(path, hidden)
    if path.suffix in {".h5", ".hdf5"}:
        return from_keras(path, hidden)
    pickled = path.suffix in {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".keras"}
    hint = "the file loaded by its own library, if you trust it: a pickle runs code" if pickled else None
    raise ModelError(f"a file {_KINDS}", path.name[:80], hint, field="source")
