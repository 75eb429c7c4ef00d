"""Predictions over HTTP: `/predict`, the Open Inference Protocol, micro-batching, the documents."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.web.conftest import running

import deltarule as dr
from deltarule.models.ensemble import Ensemble, load_predictor
from deltarule.web.batching import Batcher
from deltarule.web.guard import Refusal
from deltarule.web.metrics import Metrics
from deltarule.web.served_model import ServedModel

IRIS = dr.load_dataset("iris").test.x


def test_rows_as_json(client, models):
    model = dr.load_model(models["iris"])
    status, answer = client.json("/predict", {"rows": IRIS.tolist(), "model": "iris", "probabilities": True})
    assert status == 200
    assert answer["predictions"] == [model.name_of(each) for each in model.predict(IRIS).tolist()]
    assert answer["probabilities"] == pytest.approx(model.predict_proba(IRIS), abs=1e-6)
    assert answer["classes"] == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize("method", ["shapley", "integrated_gradients", "deeplift"])
def test_an_explanation(client, models, method):
    background = dr.load_dataset("iris").train.x[:30]
    asked = {"rows": IRIS[:2].tolist(), "model": "iris", "explanation": method, "background": background.tolist()}
    status, answer = client.json("/predict", asked)
    assert status == 200
    found = dr.load_model(models["iris"]).explain(IRIS[:2], background, method=method, raw=method == "deeplift")
    assert np.array(answer["explanation"]["values"]) == pytest.approx(found.values, abs=1e-6)
    assert answer["explanation"]["output_names"] == ["setosa", "versicolor", "virginica"]


def test_an_explanation_of_a_table(client, models):
    rows = [{"age": 30, "town": "Ulm"}]
    background = [{"age": 40, "town": "Bonn"}, {"age": 20, "town": "Ulm"}]
    asked = {"rows": rows, "model": "people", "explanation": "shapley", "background": background}
    found = client.json("/predict", asked)[1]["explanation"]
    assert found["feature_names"] == ["age", "town"]
    assert found["values"] == dr.load_model(models["people"]).explain(rows, background).values.tolist()
    asked |= {"rows": [[30, "Ulm"]], "background": [[40, "Bonn"], [20, "Ulm"]]}
    assert client.json("/predict", asked)[1]["explanation"] == found


@pytest.mark.parametrize(
    ("change", "wanted", "sentence"),
    [
        ({"explanation": "magic"}, 400, "one of shapley"),
        ({"explanation": []}, 400, "one of shapley"),
        ({"background": None}, 400, "1 to 50 rows"),
        ({"background": [[1, 2]]}, 400, "rows of shape"),
        ({"background": [[0, 0, 0, 0]] * 51}, 400, "1 to 50 rows"),
        ({"rows": [[0, 0, 0, 0]] * 21}, 413, "at most 20 rows"),
    ],
)
def test_explanations_that_are_refused(client, change, wanted, sentence):
    asked = {"rows": [[1, 2, 3, 4]], "model": "iris", "explanation": "shapley", "background": [[0, 0, 0, 0]]}
    status, answer = client.json("/predict", asked | change)
    assert (status, sentence in answer["error"]) == (wanted, True)


def test_rows_as_csv(client):
    lines = "\n".join([",".join("abcd"), *(",".join(map(str, row)) for row in IRIS.tolist())])
    status, by_csv = client.json("/predict?model=iris", lines.encode(), headers={"Content-Type": "text/csv"})
    assert status == 200
    assert by_csv == client.json("/predict", {"rows": IRIS.tolist()})[1]


def test_a_csv_text_that_is_refused_names_no_file_of_the_server(client):
    for text in (b"", b"a,b,c,d\n1,2,3\n", b"\xff\xfe\x00", b"a,a,b,c\n1,2,3,4\n"):
        status, answer = client.json("/predict?model=iris", text, headers={"Content-Type": "text/csv"})
        assert status == 400
        assert "rows.csv" not in answer["error"]
        assert "deltarule-" not in answer["error"]


def test_rows_of_a_table(client, models):
    rows = [{"age": 30, "town": "Ulm"}, {"age": None, "town": "Oslo"}]
    expected = dr.load_model(models["people"]).predict(rows, strict=None).tolist()
    status, answer = client.json("/predict", {"rows": rows, "model": "people"})
    assert (status, answer["predictions"]) == (200, expected)
    assert any("town" in sentence for sentence in answer["warnings"])
    assert client.json("/predict", {"rows": [[30, "Ulm"]], "model": "people"})[1]["predictions"] == expected[:1]
    text = b"town,age\nUlm,30\nOslo,\n"
    by_csv = client.json("/predict?model=people", text, headers={"Content-Type": "text/csv"})[1]
    assert by_csv["predictions"] == expected


def test_numbers_are_predicted(client, models):
    data = dr.load_dataset("diabetes").test
    status, answer = client.json("/predict", {"rows": data.x.tolist(), "model": "diabetes"})
    assert status == 200
    assert answer["predictions"] == pytest.approx(dr.load_model(models["diabetes"]).predict(data.x), rel=1e-5)
    for more, word in (({"probabilities": True}, "classifier"), ({"interval": 0.9}, "TabularRegressor")):
        status, answer = client.json("/predict", {"rows": [[0] * 10], "model": "diabetes", **more})
        assert status == 400
        assert word in answer["error"]


def test_intervals_and_sets(models, tmp_path):
    small = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=2, stopping=None)
    rows = [{"age": n, "pay": 3.5 * n} for n in range(60)]
    scores = np.linspace(0.0, 0.9, 60)[:, None]
    Ensemble((dr.train(small, rows, "pay").model,), scores, columns=("age",)).save(tmp_path / "pay.safetensors")
    people = dr.load_model(models["people"])
    Ensemble((people,), scores, columns=("age", "town")).save(tmp_path / "buys.safetensors")
    with running({name: tmp_path / f"{name}.safetensors" for name in ("pay", "buys")}) as client:
        status, answer = client.json("/predict", {"rows": [{"age": 5}], "model": "pay", "interval": 0.9})
        (low, high), middle = answer["intervals"][0], answer["predictions"][0]
        assert status == 200
        assert low < middle < high
        assert client.json("/predict", {"rows": [[5]], "model": "pay", "interval": 0.999})[1]["intervals"] == [
            [None] * 2
        ]
        sets = client.json("/predict", {"rows": [[30, "Ulm"]], "model": "buys", "interval": 0.99})[1]["sets"]
        assert set(sets[0]) <= {"yes", "no"}
        assert sets[0]


def test_a_calibrated_network_is_served_as_it_predicts(tmp_path):
    draws = np.random.default_rng(0)
    x = draws.normal(size=(300, 4))
    y = x[:, 0] + draws.normal(size=300)
    recipe = dr.Recipe(network=dr.Network(hidden=(32,)), epochs=40, stopping=None)
    for name, targets in (("numbers", y), ("classes", np.digitize(y, [-0.5, 0.5])), ("sides", y > 0)):
        model = dr.train(recipe, (x[:100], targets[:100])).model
        served = ServedModel(name, model)
        with pytest.raises(dr.DeltaruleError, match="conformal scores"):
            served.covered(served.encoded(x), 0.8)
        calibrated = model.calibrated(x[100:], targets[100:])
        served = ServedModel(name, load_predictor(calibrated.save(tmp_path / f"{name}.safetensors")))
        found, inputs = served.predicted(served.encoded(x[:50])), served.encoded(x[:50])
        assert served.description()["intervals"]
        assert found["predictions"].tolist() == pytest.approx(calibrated.predict(x[:50]).tolist(), rel=1e-5)
        if name == "numbers":
            ends = served.covered(inputs, 0.8)["intervals"]
            assert np.array(ends) == pytest.approx(calibrated.predict_interval(x[:50], 0.8), rel=1e-5)
            continue
        assert calibrated.temperature > 1.1
        assert found["probabilities"] == pytest.approx(calibrated.predict_proba(x[:50]), abs=1e-6)
        sets = [calibrated.classes[row].tolist() for row in calibrated.predict_set(x[:50], 0.8)]
        assert served.covered(inputs, 0.8) == {"sets": sets}


def test_the_open_inference_protocol(client, models):
    model = dr.load_model(models["iris"])
    assert client.json("/v2/health/live") == (200, {"live": True})
    assert client.json("/v2/health/ready") == (200, {"ready": True})
    assert client.json("/v2")[1]["name"] == "deltarule"
    described = client.json("/v2/models/iris")[1]
    assert described["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert [each["name"] for each in described["outputs"]] == ["predictions", "probabilities"]
    tensor = {"name": "x", "shape": list(IRIS.shape), "datatype": "FP64", "data": IRIS.ravel().tolist()}
    asked = {"id": "7", "inputs": [tensor], "outputs": [{"name": "probabilities"}]}
    status, answer = client.json("/v2/models/iris/infer", asked)
    assert status == 200
    assert (answer["id"], answer["model_name"], len(answer["outputs"])) == ("7", "iris", 1)
    output = answer["outputs"][0]
    found = np.array(output["data"]).reshape(output["shape"])
    assert found == pytest.approx(model.predict_proba(IRIS), abs=1e-6)
    nested = {**tensor, "data": IRIS.tolist()}
    assert client.json("/v2/models/iris/infer", {**asked, "inputs": [nested]})[1] == answer


def test_the_protocol_takes_a_tensor_for_each_column(client):
    inputs = [
        {"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 40]},
        {"name": "town", "shape": [2, 1], "datatype": "BYTES", "data": ["Ulm", "Bonn"]},
    ]
    status, answer = client.json("/v2/models/people/infer", {"inputs": inputs})
    rows = [{"age": 30, "town": "Ulm"}, {"age": 40, "town": "Bonn"}]
    assert status == 200
    assert answer["outputs"][0]["data"] == client.json("/predict", {"rows": rows, "model": "people"})[1]["predictions"]
    assert "town" in client.json("/v2/models/people/infer", {"inputs": inputs[:1]})[1]["error"]


def test_requests_that_wait_share_a_call(models):
    served, metrics = ServedModel("iris", load_predictor(models["iris"])), Metrics()

    async def all_at_once():
        batcher = Batcher(served, 100, metrics)
        inputs = [served.encoded([row]) for row in IRIS.tolist()]
        return await asyncio.gather(*map(batcher.predict, inputs))

    results = asyncio.run(all_at_once())
    assert metrics.batches.total == len(IRIS)
    assert sum(metrics.batches.counts) == 1
    whole = served.predicted(served.encoded(IRIS))
    assert np.concatenate([each["probabilities"] for each in results]) == pytest.approx(whole["probabilities"])


def test_a_full_queue_refuses(models):
    served = ServedModel("iris", load_predictor(models["iris"]))

    async def too_many():
        batcher = Batcher(served, 3, Metrics())
        inputs = served.encoded(IRIS[:2])
        return await asyncio.gather(batcher.predict(inputs), batcher.predict(inputs), return_exceptions=True)

    first, second = asyncio.run(too_many())
    assert len(first["predictions"]) == 2
    assert isinstance(second, Refusal)
    assert second.status == 503


def test_large_requests_do_not_hold_up_small_ones(client):
    rows = np.tile(IRIS, (2000, 1))[:30_000].tolist()
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(client.json, "/predict", {"rows": rows})
        start = time.perf_counter()
        assert client.json("/v2/health/live")[0] == 200
        assert time.perf_counter() - start < 5
        status, answer = large.result()
    assert (status, len(answer["predictions"])) == (200, 30_000)


def test_the_documents(client):
    document = client.json("/openapi.json")[1]
    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/v2/models/{model}"]["get"]["parameters"][0]["schema"]["enum"][0] == "iris"
    example = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["examples"]
    assert client.json("/predict", example[0])[0] == 200
    status, page, headers = client.ask("/api")
    assert status == 200
    assert b"/predict" in page
    assert b"<script" not in page
    assert "default-src 'none'" in headers["content-security-policy"]
    status, text, _ = client.ask("/metrics")
    assert status == 200
    assert b'deltarule_responses_total{route="/predict",status="200"}' in text
    assert json.loads(client.ask("/models")[1])["models"][0]["name"] == "iris"
