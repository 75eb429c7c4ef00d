"""Imported networks predict as their own libraries do, within 1e-6."""

import itertools
import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import ModelError, ModelFileError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 5))
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
ACTIVATIONS = ["relu", "tanh", "logistic", "identity"]


def targets(kind):
    return {
        "three": np.array(["b", "c", "a"])[np.argmax(X[:, :3], axis=1)],
        "two": X[:, 0] > 0.2,
        "labels": (X[:, :3] > 0).astype(int),
        "number": X[:, 0] ** 2,
        "numbers": X[:, :2] * 3,
    }[kind]


def scikit(kind, activation="relu"):
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    cls = MLPRegressor if kind.startswith("number") else MLPClassifier
    return cls(hidden_layer_sizes=(7, 6), activation=activation, solver="lbfgs", max_iter=30, random_state=1)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["three", "two", "labels", "number", "numbers"])
def test_perceptrons_of_scikit_learn(kind, activation, tmp_path):
    theirs = scikit(kind, activation).fit(X, targets(kind))
    ours = dr.load_model(dr.import_model(theirs).save(tmp_path / "m.safetensors"))
    if kind.startswith("number"):
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), **CLOSE)
    else:
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **CLOSE)
    assert "scikit-learn" in ours.record.source


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("scaler", ["StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"])
def test_pipelines_of_scikit_learn(scaler):
    from sklearn import preprocessing
    from sklearn.pipeline import make_pipeline

    x = X * 1000 + 5000
    steps = getattr(preprocessing, scaler)(), preprocessing.StandardScaler(with_mean=False)
    theirs = make_pipeline(*steps, scikit("three")).fit(x, targets("three"))
    np.testing.assert_allclose(dr.import_model(theirs).predict_proba(x), theirs.predict_proba(x), **CLOSE)


def test_what_else_scikit_learn_has_is_refused():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures

    with pytest.raises(ModelError, match="got LogisticRegression"):
        dr.import_model(LogisticRegression())
    with pytest.raises(ModelError, match=r"without weights.*Try: estimator.fit"):
        dr.import_model(scikit("two"))
    for step in (PolynomialFeatures(1, include_bias=False), MinMaxScaler(clip=True)):
        theirs = make_pipeline(step, scikit("two").set_params(max_iter=1, solver="adam"))
        with (
            pytest.warns(UserWarning, match="Maximum iterations"),
            pytest.raises(ModelError, match=f"got {type(step).__name__}"),
        ):
            dr.import_model(theirs.fit(X, targets("two")))
    with pytest.raises(ModelError, match=r"source, got builtins\.int"):
        dr.import_model(3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ["three", "two", "number", "numbers"])
def test_onnx_of_scikit_learn(kind, scaled, tmp_path):
    convert = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = X.astype(np.float32)
    theirs = (make_pipeline(StandardScaler(), scikit(kind)) if scaled else scikit(kind)).fit(x, targets(kind))
    path = tmp_path / "m.onnx"
    options = {} if kind.startswith("number") else {"zipmap": False}
    path.write_bytes(convert.to_onnx(theirs, x[:1], options=options).SerializeToString())
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    ours = dr.import_model(path)
    if kind.startswith("number"):
        np.testing.assert_allclose(ours.predict(x).reshape(outputs[0].shape), outputs[0], rtol=1e-5, atol=1e-6)
        assert np.abs(ours.predict(x).reshape(outputs[0].shape) - outputs[0]).max() <= 1e-6 * np.abs(outputs[0]).max()
    else:
        # skl2onnx writes booleans as integers
        np.testing.assert_array_equal(ours.predict(x), outputs[0].astype(ours.classes.dtype))
        np.testing.assert_allclose(ours.predict_proba(x), outputs[1], **CLOSE)


def layers_of(torch, activation, *, normalized=False):
    nn = torch.nn
    torch.manual_seed(3)
    middle = [nn.BatchNorm1d(6)] if normalized else []
    network = nn.Sequential(nn.Linear(5, 6), *middle, activation, nn.Linear(6, 4), activation, nn.Linear(4, 3))
    for part in middle:
        part.running_mean.normal_()
        part.running_var.uniform_(0.5, 2.0)
    return network.eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize(
    "name",
    ["ReLU", "Tanh", "Sigmoid", "SiLU", "GELU", "Mish", "ELU", "CELU", "SELU", "Softplus", "Softsign", "LeakyReLU"],
)
def test_onnx_of_pytorch(name, normalized, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    network = layers_of(torch, getattr(torch.nn, name)(), normalized=normalized)
    x = torch.tensor(X, dtype=torch.float32)
    torch.onnx.export(network, x, tmp_path / "m.onnx", dynamo=False)
    with torch.no_grad():
        theirs = network(x).numpy()
    np.testing.assert_allclose(dr.import_model(tmp_path / "m.onnx").predict(x.numpy()), theirs, **CLOSE)


@pytest.mark.parametrize(("name", "ours"), [("ReLU", "relu"), ("GELU", "gelu"), ("Tanh", "tanh")])
def test_state_dicts_of_pytorch(name, ours, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import save_file

    network = layers_of(torch, getattr(torch.nn, name)())
    x = torch.tensor(X, dtype=torch.float32)
    save_file(network.state_dict(), tmp_path / "m.safetensors")
    with torch.no_grad():
        raw = network(x)
    found = dr.import_model(tmp_path / "m.safetensors", activation=ours)
    np.testing.assert_allclose(found.predict(x.numpy()), raw.numpy(), **CLOSE)
    found = dr.import_model(tmp_path / "m.safetensors", activation=[ours, ours], classes=["c", "a", "b"])
    np.testing.assert_allclose(found.predict_proba(x.numpy()), raw.softmax(1).numpy()[:, [1, 2, 0]], **CLOSE)
    assert found.predict(x.numpy()).tolist() == np.array(["c", "a", "b"])[raw.argmax(1).numpy()].tolist()
    save_file(
        {name: each.to(torch.bfloat16) for name, each in network.state_dict().items()}, tmp_path / "h.safetensors"
    )
    with torch.no_grad():
        rounded = network.to(torch.bfloat16).float()(x).numpy()
    found = dr.import_model(tmp_path / "h.safetensors", activation=ours)
    np.testing.assert_allclose(found.predict(x.numpy()), rounded, **CLOSE)


def test_state_dicts_without_pytorch(tmp_path):
    """Layers are ordered by the numbers in their names, and what is no linear layer is named."""
    from safetensors.numpy import save_file

    sizes = [5, 4, 3, 2]
    tensors = {}
    for number, (inputs, units) in zip([2, 9, 10], itertools.pairwise(sizes), strict=True):
        tensors[f"net.{number}.weight"] = RANDOM.normal(size=(units, inputs)).astype(np.float32)
        tensors[f"net.{number}.bias"] = RANDOM.normal(size=units).astype(np.float32)
    path = tmp_path / "m.safetensors"
    save_file(tensors, path)
    a = X
    for number in (2, 9, 10):
        a = a @ tensors[f"net.{number}.weight"].T.astype(float) + tensors[f"net.{number}.bias"]
        a = a if number == 10 else np.tanh(a)
    np.testing.assert_allclose(dr.import_model(path, activation="tanh").predict(X), a, **CLOSE)
    with pytest.raises(ModelError, match=r'activation of the hidden layers.*Try: activation="relu"'):
        dr.import_model(path)
    with pytest.raises(ModelError, match=r"2 activations of hidden layers for activation, got .*: 3"):
        dr.import_model(path, activation=["tanh"] * 3)
    with pytest.raises(ModelError, match="2 classes for classes"):
        dr.import_model(path, activation="tanh", classes=["a"])
    with pytest.raises(ModelError, match="one of softmax, sigmoid, identity for output_activation"):
        dr.import_model(path, activation="tanh", output_activation="max")
    save_file(tensors | {"norm.running_mean": np.zeros(4, np.float32)}, path)
    with pytest.raises(ModelError, match=r"a linear layer, .* for norm"):
        dr.import_model(path, activation="tanh")
    save_file({name: each for name, each in tensors.items() if "9" not in name}, path)
    with pytest.raises(ModelError, match=r"as many inputs as units before for net\.10, got .*: 3 after net\.2 with 4"):
        dr.import_model(path, activation="tanh")


@pytest.mark.filterwarnings("ignore")
def test_weights_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch", reason="PyTorch, which Keras needs here, is not installed")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    pytest.importorskip("h5py", reason="h5py is not installed")
    layers = keras.layers
    network = keras.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(6, "elu"),
            layers.Dropout(0.2),
            layers.Dense(4, "tanh"),
            layers.Dense(3, "softmax"),
        ]
    )
    network.save_weights(tmp_path / "m.weights.h5")
    theirs = np.asarray(network.predict(X.astype(np.float32), verbose=0))
    ours = dr.import_model(tmp_path / "m.weights.h5", activation=["elu", "tanh"], output_activation="softmax")
    np.testing.assert_allclose(ours.predict_proba(X.astype(np.float32)), theirs, **CLOSE)
    network = keras.Sequential([layers.Input((5,)), layers.Dense(6), layers.BatchNormalization(), layers.Dense(3)])
    network.save_weights(tmp_path / "n.weights.h5")
    with pytest.raises(ModelError, match=r"a dense layer, .* for layers/batch_normalization"):
        dr.import_model(tmp_path / "n.weights.h5", activation="relu")


def test_what_links_out_of_a_file_of_keras_is_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = np.ones((5, 1))
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ones((5, 1))
        file["layers/dense/vars/1"] = h5py.ExternalLink("other.h5", "kernel")
    assert dr.import_model(path).predict(X[:2]).shape == (2,)
    with h5py.File(path, "w") as file:
        file.create_dataset("d/0", (5, 1), "f4", external=[("other.h5", 0, 20)])
    with pytest.raises(ModelFileError, match="in another file"):
        dr.import_model(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelFileError, match=r"m\.weights\.h5"):
        dr.import_model(path)


def test_network2(tmp_path):
    network = {"sizes": [5, 4, 3], "cost": "CrossEntropyCost"}
    w = [RANDOM.normal(size=(4, 5)), RANDOM.normal(size=(3, 4))]
    b = [RANDOM.normal(size=(4, 1)), RANDOM.normal(size=(3, 1))]
    a = X.T
    for weights, biases in zip(w, b, strict=True):
        a = 1 / (1 + np.exp(-(weights @ a + biases)))
    network |= {"weights": [each.tolist() for each in w], "biases": [each.tolist() for each in b]}
    (tmp_path / "n.json").write_text(json.dumps(network))
    model = dr.import_model(tmp_path / "n.json")
    np.testing.assert_allclose(model.loss.output.value(model.raw_outputs(X)), a.T, **CLOSE)
    assert model.predict(X).tolist() == a.argmax(0).tolist()


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.pt", "m.keras"])
def test_a_pickle_is_not_opened(name, tmp_path):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    with pytest.raises(ModelFileError, match=r"loaded by its own library, if you trust it"):
        dr.import_model(tmp_path / name)
