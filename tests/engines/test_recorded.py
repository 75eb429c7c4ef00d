"""Weights to the last bit: what twenty recipes have always trained to on processors with fused multiply-add.

`recorded.json` holds a hash of each run's weights and figures. A hash changes only with a change of the definition,
which CHANGELOG.md announces; `python -m tests.engines.test_recorded` then writes the file anew.
"""

import dataclasses
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr

FILE = Path(__file__).with_name("recorded.json")


def classes(n=150, d=21, k=5, kind=np.float32):
    generator = np.random.default_rng(n + d)
    x = generator.integers(0, 256, size=(n, d)) / 64.0
    return x.astype(kind), np.arange(n) % k


def numbers(n=130, d=18, outputs=1):
    generator = np.random.default_rng(n * d)
    x = generator.integers(-40, 40, size=(n, d)) / 16.0
    return x, (x[:, :outputs] ** 2 - x[:, 1 : outputs + 1]) / 4.0


def images(n=60, side=9):
    generator = np.random.default_rng(side)
    return generator.integers(0, 256, size=(n, side, side)).astype(np.uint8), np.arange(n) % 4


def net(*hidden, **fields):
    return dr.Network(hidden=hidden, initializer="glorot_uniform", bias_initializer="glorot_uniform", **fields)


def recipe(network, **fields):
    given = {"batch_size": 16, "epochs": 4, "stopping": None, "scaling": "none", "seed": 7} | fields
    return dr.Recipe(network=network, **given)


def held_out(x, y, weights=None):
    train = (x[20:], y[20:]) if weights is None else (x[20:], y[20:], weights[20:])
    return dr.Dataset(train=train, validation=(x[:20], y[:20]))


def cases():
    """The recipes by name, each with its data and how it is trained."""
    many, few, values = held_out(*classes()), held_out(*classes(k=2)), held_out(*numbers())
    three, pictures = held_out(*numbers(outputs=3)), held_out(*images())
    weighted = held_out(*classes(), weights=np.linspace(0.5, 2.0, 150))
    watched = {"stopping": dr.EarlyStopping(patience=2), "epochs": 12}
    both = [dr.L2(0.01), dr.L1(0.02, proximal=True), None]
    return {
        "adam": (recipe(net(33, 17), optimizer=dr.Adam(0.01)), many, {}),
        "adam in float64": (recipe(net(33, 17), optimizer=dr.Adam(0.01)), many, {"precision": "float64"}),
        "wide, two threads": (recipe(net(300, 100), batch_size=64), many, {"n_threads": 2}),
        "momentum, sigmoid, two classes": (
            recipe(net(20, activation="sigmoid"), optimizer=dr.Momentum(0.1), **watched), few, {},
        ),
        "rmsprop, tanh, one number": (recipe(net(9, 9, activation="tanh"), optimizer=dr.RMSProp(0.01)), values, {}),
        "adagrad, gelu, huber": (
            recipe(net(24, activation="gelu"), optimizer=dr.AdaGrad(0.05), loss=dr.Huber()), three, {},
        ),
        "dropout and noise": (recipe(net(40, 40, dropout=[0.1, 0.3, 0.5], noise=[0.2, 0.1, 0.0])), many, {}),
        "batch normalization": (
            recipe(net(30, 30, normalization=dr.BatchNormalization()), evaluate_train=True), many, {"n_threads": 2},
        ),
        "layer normalization": (recipe(net(30, 30, normalization=dr.LayerNormalization())), many, {"n_threads": 2}),
        "penalties by layer": (recipe(net(30, 14), penalty=both, optimizer=dr.SGD(0.05)), many, {"n_threads": 3}),
        "clipping by norm, mean of weights": (
            recipe(net(30), clipping=dr.ClipByNorm(0.3), averaging=dr.ExponentialAverage(0.9)), many, {"n_threads": 2},
        ),
        "clipping by value, max-norm": (
            recipe(net(30, 20), clipping=dr.ClipByValue(0.01), constraint=dr.MaxNorm(0.8)), many, {},
        ),
        "muon": (recipe(net(24, 16), optimizer=dr.Muon(0.02)), many, {"precision": "float64"}),
        "weights of samples and classes": (recipe(net(30), class_weight="balanced"), weighted, {}),
        "focal, softmax": (recipe(net(12), loss=dr.SoftmaxFocal(), schedule=dr.WarmUp(5)), many, {}),
        "augmented images": (
            recipe(
                net(32), augmentation=[dr.Rotation(10.0), dr.Elastic(), dr.Brightness(), dr.Mixup(0.4)], scaling=255.0
            ),
            pictures, {"n_threads": 2},
        ),
        "noisy features": (recipe(net(18), augmentation=[dr.FeatureNoise(0.1)]), values, {}),
        "batch larger than the data": (recipe(net(18), batch_size=1000), many, {}),
        "batches of one": (recipe(net(7), batch_size=1, epochs=2), many, {}),
        "no hidden layer, recorded": (recipe(net(), optimizer=dr.SGD(0.1)), many, {"record": "batch_after"}),
    }  # fmt: skip


def key_of(name):
    """The name of a case in the file; Muon's step uses NumPy's library, whose sums differ between processors."""
    if name != "muon":
        return name
    libraries = [each for each in pytest.importorskip("threadpoolctl").threadpool_info() if each["user_api"] == "blas"]
    return f"muon, {libraries[0]['internal_api']} for {libraries[0]['architecture']}" if libraries else name


def fingerprint(name):
    recipe_, data, how = cases()[name]
    run = dr.train(recipe_, data, engine="compiled", **{"n_threads": 1} | how)
    # What was recorded are the eight figures that an epoch had before it had metrics, which are empty here.
    assert not any(epoch.metrics for epoch in run.history)
    figures = [dataclasses.astuple(dataclasses.replace(epoch, seconds=0.0))[:-1] for epoch in run.history]
    digest = sha256(np.ascontiguousarray(run.model.parameters).tobytes())
    digest.update(repr(figures).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("name", cases())
def test_weights_are_those_that_were_recorded(name):
    from deltarule.native.processor import processor

    if not processor().fused:
        pytest.skip("bits were recorded on processors with fused multiply-add")
    recorded, key = json.loads(FILE.read_text()), key_of(name)
    if name == "muon" and key not in recorded:
        pytest.skip(f"no bits were recorded with {key}")
    assert fingerprint(name) == recorded[key]


if __name__ == "__main__":
    others = {name: digest for name, digest in json.loads(FILE.read_text()).items() if name.startswith("muon, ")}
    FILE.write_text(json.dumps(others | {key_of(name): fingerprint(name) for name in cases()}, indent=2) + "\n")
