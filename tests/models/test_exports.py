"""Exports: every printer agrees with the model, for all that a model can contain."""

from __future__ import annotations

import base64
import json
import subprocess
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.models.drawn_models import frame, models, unfamiliar
from tests.models.exported import COMPILE, RUN, Outputs, difference, missing_tool, of_c, own_outputs

import deltarule as dr
from deltarule.engines.tracing.arrays import Codes, Node, ordered
from deltarule.errors import DeltaruleError, ModelError, UnknownName
from deltarule.formulas import Activation, Embedding, register
from deltarule.models.export.evaluation import evaluated, outputs_of, raw_rows
from deltarule.models.export.quantization import rounded_predictions

BOUND = 1e-5
ROWS = 40


def trained(recipe, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dr.train(recipe.replace(epochs=2, stopping=None), *data, progress=False).model


def of_array():
    random = np.random.default_rng(0)
    x = random.normal(20, 3, (ROWS, 6)).astype(np.float32)
    network = dr.Network(
        hidden=(7, 5), activation=("gelu", "mish"), normalization="batch", input_scale=True, parametric_activation=0.7
    )
    return trained(dr.Recipe(network=network), x, np.array(["a", "b", "ç"])[np.digitize(x[:, 0], [19, 21])]), x


def of_table():
    x = frame(1, ROWS)
    recipe = dr.Recipe(
        network=dr.Network(hidden=(6,), embedding="pbld", members=2, activation="selu", category_embedding=2),
        preparation={"numbers": "quantiles", "embedded_above": 2},
    )
    return trained(recipe, x, x["count"] > 3), unfamiliar(x)


def of_labels():
    x = frame(2, ROWS)
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,), normalization="layer", embedding=dr.embeddings.PiecewiseLinear(3, 2)),
        preparation={"numbers": "robust", "robust_categories": True, "categories": "signed"},
    )
    y = np.stack([x["count"] > 3, x["flag"]], axis=1).astype(int)
    return trained(recipe.replace(task="multilabel"), x, y), x


def of_ensemble():
    x = frame(3, ROWS)
    network = dr.Network(hidden=(6,), parametrization="ntk", parametric_activation=1.0)
    recipe = dr.Recipe(network=network, clamp_predictions=True, epochs=1, stopping=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = dr.TabularRegressor(preset=recipe, folds=2).fit(x, x["count"].to_numpy() + 10.0)
    return fitted.ensemble_, x


MAKE = {"array": of_array, "table": of_table, "labels": of_labels, "ensemble": of_ensemble}


@pytest.fixture(scope="module", params=MAKE)
def example(request):
    return MAKE[request.param]()


@pytest.mark.parametrize("target", RUN)
def test_an_export_predicts_as_the_model_does(example, target, tmp_path):
    reason = missing_tool(target)
    if reason is not None:
        pytest.skip(reason)
    model, x = example
    assert difference(own_outputs(model, x), RUN[target](model, x, tmp_path)) < BOUND


@settings(max_examples=6, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(models(50))
def test_the_description_of_a_model_means_what_the_model_computes(drawn):
    outputs = outputs_of(drawn.model.description(), drawn.x, drawn.model.encoding)
    own = own_outputs(drawn.model, drawn.x)
    if own.probabilities is not None:
        assert np.abs(outputs["probabilities"] - own.probabilities).max() < BOUND
    else:
        numbers = outputs["numbers"].reshape(own.predictions.shape)
        assert np.abs(numbers - own.predictions).max() < BOUND * max(1.0, np.abs(own.predictions).max())


def test_json_describes_the_whole_computation(example, tmp_path):
    model, x = example
    (path,) = model.export(tmp_path / "model.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["format"] == "deltarule-export-1"
    nodes: list[Node] = []
    for each in data["nodes"]:
        arguments = tuple(nodes[place] for place in each.get("arguments", ()))
        value, detail = None, each.get("axis", each.get("subscripts", each.get("precision")))
        if "value" in each:
            kind = {"integer": "<i8", "float32": "<f4", "float64": "<f8"}[each["precision"]]
            value = np.frombuffer(base64.b64decode(each["value"]), kind).reshape(each["shape"])
        if "words" in each:
            detail = Codes(each["words"], (), each["unknown"], -1)
        if "places" in each:
            detail = np.array(each["places"]).reshape(each["shape"])
        nodes.append(Node(each["operation"], arguments, tuple(each["shape"]), detail, value, each.get("name", "")))
    roots = [nodes[place] for place in data["outputs"].values()]
    rows = raw_rows(model.description(), x, model.encoding)
    own = outputs_of(model.description(), x, model.encoding)
    for name, value in zip(data["outputs"], evaluated(roots, rows), strict=True):
        assert np.abs(value - own[name]).max() < BOUND * max(1.0, np.abs(own[name]).max())


@register("bump")
@dataclass(frozen=True)
class Bump(Activation):
    """A formula that no export has been written for."""

    width: float = 2.0

    def value(self, z):
        return np.where(np.abs(z) < self.width, np.cos(z) ** 3, np.sign(z) * np.log1p(z * z))

    def slope(self, z, a):
        return np.where(np.abs(z) < self.width, -3 * np.cos(z) ** 2 * np.sin(z), np.sign(z) * 2 * z / (1 + z * z))


@register("two_powers")
@dataclass(frozen=True)
class TwoPowers(Embedding):
    """An embedding without parameters."""

    width = 2
    shapes = {}  # noqa: RUF012

    def initial(self, seed, columns):
        return {}

    def value(self, x, parts):
        return np.concatenate([x[:, :, None], x[:, :, None] ** 2], axis=2)

    def gradient(self, x, d, parts):
        return {}


@pytest.mark.parametrize("target", RUN)
def test_formulas_of_a_user_are_exported_without_further_code(target, tmp_path):
    if missing_tool(target) is not None:
        pytest.skip(missing_tool(target))
    x = np.random.default_rng(1).normal(size=(ROWS, 3)).astype(np.float32)
    recipe = dr.Recipe(network=dr.Network(hidden=(5,), activation=Bump(), embedding=TwoPowers()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = dr.train(recipe.replace(epochs=1, stopping=None), x, x[:, 0] > 0, engine="reference").model
    assert difference(own_outputs(model, x), RUN[target](model, x, tmp_path)) < BOUND


def test_a_function_that_no_export_has_is_named():
    @dataclass(frozen=True)
    class Sorted(Activation):
        name = "sorted"

        def value(self, z):
            return np.sort(z)

        def slope(self, z, a):
            return np.ones_like(z)

    x = np.zeros((4, 2), np.float32)
    recipe = dr.Recipe(network=dr.Network(hidden=(2,)), epochs=1, stopping=None)
    model = dr.train(recipe, x, [0, 1, 0, 1], progress=False).model
    object.__setattr__(model.recipe.network, "activation", Sorted())
    with pytest.raises(DeltaruleError, match=r"supports, got np\.sort"):
        model.description()


def test_normalization_and_scaling_become_part_of_the_weights():
    model, _ = of_array()
    operations = [node.operation for node in ordered(model.description().roots)]
    assert operations.count("dense") == 3
    assert "sqrt" not in operations


@pytest.mark.skipif(missing_tool("c") is not None, reason="no C compiler")
@pytest.mark.parametrize("int8", [False, True])
def test_c_code_takes_little_more_room_than_its_weights(int8, tmp_path):
    x = np.random.default_rng(0).random((20, 28, 28), np.float32)
    model = trained(dr.Recipe(network=dr.Network(hidden=(100,)), task="classification"), x, np.arange(20) % 10)
    source, header = model.export(tmp_path / "digits.c", int8=int8)
    built = tmp_path / "digits.o"
    subprocess.run([*COMPILE, "-O2", "-c", "-o", built, source], check=True)
    weights = 784 * 100 + 100 * 10
    stored = weights * (1 if int8 else 4) + 110 * 4 * (2 if int8 else 1)
    assert built.stat().st_size < stored + (8192 if int8 else 4096)  # conversions of integers are longer code
    text = header.read_text(encoding="utf-8")
    assert f"Constants: {stored} bytes" in text
    assert "malloc" not in source.read_text(encoding="utf-8")


@pytest.mark.skipif(missing_tool("c") is not None, reason="no C compiler")
def test_integer_weights_predict_what_they_are_measured_to_predict(tmp_path):
    model, x = of_array()
    model.export(tmp_path / "model.c", int8=True)
    rounded = rounded_predictions(model.description(), x, None)

    class Rounded:
        """The model, whose export has integers."""

        encoding, classes = None, model.classes
        description = staticmethod(model.description)

        @staticmethod
        def export(path):
            return model.export(path, int8=True)

    exported = of_c(Rounded, x, tmp_path)
    assert (exported.predictions == rounded).mean() > 0.9
    assert np.abs(exported.probabilities - model.predict_proba(x)).max() > 1e-5


def test_onnx_has_the_lowest_operator_set_and_names_as_skl2onnx(tmp_path):
    onnx = pytest.importorskip("onnx")
    x = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
    plain = trained(dr.Recipe(network=dr.Network(hidden=(5,))), x, x[:, 0] > 0)
    (path,) = plain.export(tmp_path / "plain.onnx")
    model = onnx.load(path)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 9)]
    assert model.ir_version == 4
    assert [each.name for each in model.graph.output] == ["output_label", "output_probability"]
    table, _ = of_table()
    (path,) = table.export(tmp_path / "table.onnx")
    model = onnx.load(path)
    assert [each.name for each in model.graph.input] == [each.name for each in table.encoding.columns]
    assert {each.domain for each in model.opset_import} == {"", "ai.onnx.ml"}


@pytest.mark.parametrize("classes", [False, True])
def test_outputs_of_onnx_are_named_apart_from_the_columns(classes, tmp_path):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    names = ["variable", "variable_", "output_label", "output_probability"]
    x = dict(zip(names, np.random.default_rng(0).normal(size=(4, ROWS)), strict=True))
    table = dr.Dataset((dr.data.table_of(x), x["variable"] > 0 if classes else 2.0 * x["variable"]))
    model = trained(dr.Recipe(network=dr.Network(hidden=(5,))), table)
    (path,) = model.export(tmp_path / "model.onnx")
    graph = onnx.load(path).graph
    assert [each.name for each in graph.input] == names
    expected = ["output_label_", "output_probability_"] if classes else ["variable__"]
    assert [each.name for each in graph.output] == expected
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    values = session.run(None, {name: column[:, None] for name, column in x.items()})
    own = model.predict_proba(x) if classes else model.predict(x)[:, None]
    assert np.abs(values[-1] - own).max() < BOUND


def test_skl2onnx_converts_pipelines_of_our_estimators():
    skl2onnx, runtime = pytest.importorskip("skl2onnx"), pytest.importorskip("onnxruntime")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from deltarule.estimators import register_onnx_converters

    register_onnx_converters()
    x = np.random.default_rng(0).normal(5, 2, (60, 3)).astype(np.float32)
    y = np.array(["low", "high"])[(x[:, 0] > 5).astype(int)]
    networks = [
        dr.MLPClassifier((6,), max_iter=3, tol=0, random_state=0, n_ensemble=2, normalization="layer"),
        dr.MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, tol=0, random_state=0),
    ]
    for network, targets in zip(networks, (y, x[:, 1]), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline = make_pipeline(StandardScaler(), network).fit(x, targets)
            classifier = network is networks[0]
            options = {"zipmap": False} if classifier else None
            made = skl2onnx.to_onnx(pipeline, x[:1], options=options, target_opset={"": 21, "ai.onnx.ml": 3})
        session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        values = session.run(None, {"X": x})
        if classifier:
            own = Outputs(pipeline.predict(x), pipeline.predict_proba(x))
            assert difference(own, Outputs(values[0], values[1])) < BOUND
        else:
            assert difference(Outputs(pipeline.predict(x), None), Outputs(values[0][:, 0], None)) < BOUND


def test_wrong_kinds_of_exports_are_explained(tmp_path):
    model, _ = of_array()
    with pytest.raises(UnknownName, match=r"one of onnx, c, numpy, javascript, json for to, got 'onx'.*'onnx'"):
        model.export(tmp_path / "model", "onx")
    with pytest.raises(UnknownName, match="for to"):
        model.export(tmp_path / "model.txt")
    with pytest.raises(ModelError, match="C alone for int8"):
        model.export(tmp_path / "model.json", int8=True)
    with pytest.raises(DeltaruleError, match="a place to write"):
        model.export(tmp_path / "absent" / "model.json")
