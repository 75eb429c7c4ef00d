"""Model files: what is saved is loaded, and a damaged or foreign file is one clear error, never another."""

import json
import struct
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.errors import DataError, ModelError, ModelFileError
from deltarule.models import Model
from deltarule.models.ensemble import Ensemble


@cache
def trained(kind="classes"):
    if kind == "numbers":
        data = dr.load_dataset("diabetes")
    elif kind == "sigmoid":
        data = dr.load_dataset("xor")
    else:
        data = dr.load_dataset("iris")
    if kind == "sigmoid":
        network = dr.Network(hidden=(3,), activation="sigmoid")
        return dr.train(
            dr.Recipe(network=network, loss="cross_entropy_cost", scaling="none", epochs=2, stopping=None), data
        ).model
    return dr.train(dr.Recipe(network=dr.Network(hidden=(5,)), epochs=2, stopping=None), data).model


@cache
def content(kind="classes"):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return trained(kind).save(Path(folder) / "m.safetensors").read_bytes()


def header_of(whole):
    (length,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def file_of(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def changed(**fields):
    """The saved model with other fields in the JSON of its metadata; a field ... is left out."""
    header, body = header_of(content())
    data = json.loads(header["__metadata__"]["deltarule"]) | fields
    data = {name: value for name, value in data.items() if value is not ...}
    header["__metadata__"]["deltarule"] = json.dumps(data)
    return file_of(header, body)


def metadata():
    return json.loads(header_of(content())[0]["__metadata__"]["deltarule"])


def load(tmp_path, whole, name="m.safetensors"):
    path = tmp_path / name
    path.write_bytes(whole)
    return dr.load_model(path)


def refused(tmp_path, whole, match=None, name="m.safetensors"):
    with pytest.raises(ModelFileError, match=match) as caught:
        load(tmp_path, whole, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_saving_and_loading_changes_nothing(tmp_path, kind):
    model = trained(kind)
    again = load(tmp_path, content(kind))
    data = dr.load_dataset("iris" if kind == "classes" else "diabetes")
    np.testing.assert_array_equal(again.predict(data.test.x), model.predict(data.test.x))
    np.testing.assert_array_equal(again.theta, model.theta)
    assert again.recipe == model.recipe
    assert again.feature_names == model.feature_names
    assert repr(again) == repr(model)
    assert again.save(tmp_path / "again.safetensors").read_bytes() == content(kind)


@pytest.mark.parametrize("labels", [["b", "a"], [True, False], [7, 3]])
def test_labels_of_every_kind_come_back(tmp_path, labels):
    data = dr.Dataset(train=([[0.0], [1.0]] * 5, labels * 5))
    model = dr.train(dr.Recipe(epochs=1, stopping=None), data).model
    again = dr.load_model(model.save(tmp_path / "m.safetensors"))
    assert again.predict([[0.0], [1.0]]).dtype == model.predict([[0.0], [1.0]]).dtype
    assert again.classes.tolist() == sorted(labels)


def test_a_saved_file_is_one_that_others_can_read(tmp_path):
    from safetensors.numpy import load as tensors

    assert {"layer.0.weights", "layer.0.biases", "layer.1.weights", "layer.1.biases"} <= set(tensors(content()))


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(ModelFileError, match="Expected a model file"):
            dr.load_model(path)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1, -8])
def test_cut_short(tmp_path, length):
    whole = content()
    refused(tmp_path, whole[:length])


def test_more_bytes_than_said(tmp_path):
    refused(tmp_path, content() + b"\0" * 8)


@pytest.mark.parametrize("claimed", [2**63, 2**64 - 1, 2**40, 10**6])
def test_a_header_that_claims_more_than_the_bytes(tmp_path, claimed):
    refused(tmp_path, struct.pack("<Q", claimed) + content()[8:], "cut short")


def test_a_tensor_that_claims_more_than_the_bytes(tmp_path):
    header, body = header_of(content())
    header["layer.0.weights"] |= {"shape": [4, 10**12], "data_offsets": [0, 4 * 10**12 * 4]}
    refused(tmp_path, file_of(header, body), "claims more|without overlap")


def test_foreign_files(tmp_path):
    from safetensors.numpy import save

    refused(tmp_path, b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    refused(tmp_path, save({"a": np.zeros(3)}), "without 'deltarule' in its metadata")
    refused(tmp_path, save({"a": np.zeros(3)}, metadata={"deltarule": "[]"}), "JSON object")
    refused(tmp_path, save({"a": np.zeros(3)}, metadata={"deltarule": "{}"}), "deltarule-model-2 for format")
    refused(tmp_path, b"import os", name="m.json", match="strict JSON")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    header, body = header_of(content())
    start = header["layer.0.weights"]["data_offsets"][0]
    broken = body[:start] + struct.pack("<d", value) + body[start + 8 :]
    refused(tmp_path, file_of(header, broken), "NaN or infinity")


def test_wrong_shapes(tmp_path):
    header, body = header_of(content())
    rows, columns = header["layer.0.weights"]["shape"]
    header["layer.0.weights"]["shape"] = [columns, rows]
    refused(tmp_path, file_of(header, body))
    header["layer.0.weights"]["shape"] = [rows * columns]
    refused(tmp_path, file_of(header, body))


@pytest.mark.parametrize(
    "fields",
    [
        {"extra": 1},
        {"format": "deltarule-model-9"},
        {"format": ...},
        {"recipe": {}},
        {"recipe": {"secret": 1}},
        {"recipe": None},
        {"input_shape": [5]},
        {"input_shape": [-2, -2]},
        {"input_shape": [True, 4]},
        {"input_shape": 4},
        {"classes": ["a"]},
        {"classes": ["a", "b", 3]},
        {"classes": ["a", "a", "b"]},
        {"classes": {"a": 1}},
        {"classes": [3, 2, 1]},
        {"classes": [-1, 0, 2**63]},
        {"classes": ["a", "b", "b\0"]},
        {"class_names": [1, 2, 3]},
        {"class_names": "abc"},
        {"feature_names": 3},
    ],
)
def test_metadata_that_cannot_be_meant(tmp_path, fields):
    refused(tmp_path, changed(**fields))


def test_unknown_fields_of_a_recipe_are_named(tmp_path):
    recipe = metadata()["recipe"]
    refused(tmp_path, changed(recipe=recipe | {"momentun": 1}), "momentun")
    refused(tmp_path, changed(recipe=recipe | {"optimizer": {"name": "os.system"}}), "os.system")
    refused(tmp_path, changed(recipe=recipe | {"loss": "auto"}))
    network = recipe["network"] | {"hidden": [6]}
    refused(tmp_path, changed(recipe=recipe | {"network": network}))


def test_json_must_be_strict(tmp_path):
    header, body = header_of(content())
    text = header["__metadata__"]["deltarule"]
    header["__metadata__"]["deltarule"] = text.replace('"batch_size": 32', '"batch_size": NaN')
    refused(tmp_path, file_of(header, body), "strict JSON")
    header["__metadata__"]["deltarule"] = "[" * 100_000
    refused(tmp_path, file_of(header, body))


def acceptable(model, sizes):
    """Whatever was loaded is a model of the same shape that can be asked."""
    assert isinstance(model, Model)
    assert len(model.sizes) == len(sizes)
    assert model.theta.size == sum((a + 1) * b for a, b in zip(model.sizes, model.sizes[1:], strict=False))
    assert np.isfinite(model.theta).all()
    with np.errstate(all="ignore"):
        assert len(model.predict(np.zeros((2, *model.input_shape)))) == 2


def survives(folder, whole, sizes, name="m.safetensors"):
    path = folder / name
    path.write_bytes(whole)
    try:
        model = dr.load_model(path)
    except ModelFileError:
        return
    acceptable(model, sizes)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_change_of_bytes_gives_a_model_or_the_error(tmp_path_factory, data):
    whole = bytearray(content())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(whole) - 1, 0)))
        if not whole:
            break
        change = data.draw(st.sampled_from(["set", "delete", "insert", "cut"]))
        if change == "set":
            whole[place] = data.draw(st.integers(0, 255))
        elif change == "delete":
            del whole[place]
        elif change == "insert":
            whole.insert(place, data.draw(st.integers(0, 255)))
        else:
            del whole[max(place, 1) :]
    survives(tmp_path_factory.getbasetemp(), bytes(whole), trained().sizes)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(node, path=()):
    """Every place in a JSON object."""
    if path:
        yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(node, path, value):
    *parents, last = path
    for key in parents:
        node = node[key]
    node[last] = value


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_change_of_the_metadata_gives_a_model_or_the_error(tmp_path_factory, data):
    header, body = header_of(content())
    inside = json.loads(header["__metadata__"]["deltarule"])
    replaced(inside, data.draw(st.sampled_from(list(places(inside)))), data.draw(anything))
    header["__metadata__"]["deltarule"] = json.dumps(inside)
    survives(tmp_path_factory.getbasetemp(), file_of(header, body), trained().sizes)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_change_of_the_table_of_tensors_gives_a_model_or_the_error(tmp_path_factory, data):
    header, body = header_of(content())
    replaced(header, data.draw(st.sampled_from(list(places(header)))), data.draw(anything))
    survives(tmp_path_factory.getbasetemp(), file_of(header, body), trained().sizes)


def test_readable_json_both_ways(tmp_path):
    model = trained("sigmoid")
    path = model.save(tmp_path / "network.json")
    data = json.loads(path.read_text())
    assert data["sizes"] == [2, 3, 1]
    assert data["cost"] == "CrossEntropyCost"
    assert np.shape(data["weights"][0]) == (3, 2)
    assert np.shape(data["biases"][0]) == (3, 1)
    again = dr.load_model(path)
    np.testing.assert_array_equal(again.theta, model.theta)
    x = dr.load_dataset("xor").train.x
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.save(tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_other_networks_have_no_readable_json(tmp_path):
    with pytest.raises(ModelError, match="sigmoid"):
        trained().save(tmp_path / "network.json")
    assert not list(tmp_path.iterdir())


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_change_of_readable_json_gives_a_model_or_the_error(tmp_path_factory, data):
    network = {"sizes": [2, 2, 1], "weights": [[[1, 2], [3, 4]], [[5, 6]]], "biases": [[[1], [2]], [[3]]]}
    network["cost"] = "QuadraticCost"
    replaced(network, data.draw(st.sampled_from(list(places(network)))), data.draw(anything))
    survives(tmp_path_factory.getbasetemp(), json.dumps(network).encode(), [2, 2, 1], "m.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sizes", [2, 3, 1]),
        ("sizes", [2, True, 1]),
        ("sizes", [10**9, 10**9]),
        ("cost", "HingeCost"),
        ("weights", []),
        ("biases", [[[1], [2]], [[3, 4]]]),
        ("biases", [[[1], [2]], [[float("nan")]]]),
    ],
)
def test_readable_json_that_does_not_fit_together(tmp_path, field, value):
    network = {"sizes": [2, 2, 1], "weights": [[[1, 2], [3, 4]], [[5, 6]]], "biases": [[[1], [2]], [[3]]]}
    network |= {"cost": "QuadraticCost", field: value}
    refused(tmp_path, json.dumps(network).encode(), name="m.json")


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(dr.DeltaruleError, match="a place to write"):
        trained().save(tmp_path / "missing" / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("network", [dr.Network(hidden=(5,)), dr.Network(hidden=(6, 4), normalization="batch")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_predictor_is_taken_over_with_new_parameters(network, dtype):
    data = dr.load_dataset("iris")
    earlier, later = (dr.train(dr.Recipe(network=network, epochs=n, stopping=None, seed=n), data).model for n in (1, 3))
    x = data.test.x.astype(dtype)
    expected = later.raw_outputs(x)
    again = Model.of(later)
    assert not np.array_equal(earlier.raw_outputs(x), expected)
    again.take_predictors(earlier)
    assert np.array_equal(again.raw_outputs(x), expected)


def test_scores_need_a_target_for_each_prediction():
    iris, diabetes = dr.load_dataset("iris").test, dr.load_dataset("diabetes").test
    for model, part in ((trained(), iris), (trained("numbers"), diabetes)):
        for each in (model, Ensemble([model])):
            expected = each.score(part.x, part.y)
            assert each.score(part.x, part.y[:, None]) == each.score(part.x, part.y.tolist()) == expected
            for wrong in (part.y[:1], part.y[None], part.y[:-1], np.stack([part.y] * 2, axis=1), part.y[0]):
                with pytest.raises(DataError, match=r"for y, got shape"):
                    each.score(part.x, wrong)
    x = diabetes.x
    several = dr.train(dr.Recipe(epochs=1, stopping=None), (x, np.stack([diabetes.y, -diabetes.y], axis=1))).model
    with pytest.raises(DataError, match="for y, got shape"):
        several.score(x, np.stack([diabetes.y, -diabetes.y]))


def test_the_score_of_equal_targets_is_that_of_the_evaluation():
    model, x = trained("numbers"), dr.load_dataset("diabetes").test.x[:5]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(model.score(x, np.full(5, 3.0)))
        assert np.isnan(dr.evaluate(model, dr.Dataset((x, np.full(5, 3.0))).train).score)
        assert model.score(x[:1], model.predict(x[:1])) == 1.0


def test_unknown_labels_of_any_type_are_named():
    model, x = trained(), dr.load_dataset("iris").test.x[:2]
    for labels in (["setosa", 0], [0, None], [0, 7.5]):
        with pytest.raises(DataError, match=r"labels .* that the model knows"):
            model.calibrated(x, np.array(labels, dtype=object))


def test_a_model_has_two_classes_or_more():
    x = np.random.default_rng(0).normal(size=(20, 3))
    classifier = dr.MLPClassifier((4,), tol=1.0, n_iter_no_change=2).fit(x, np.zeros(20, int))
    with pytest.raises(ModelError, match="at least two classes"):
        classifier.to_model()
