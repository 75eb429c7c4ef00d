"""The page's views over HTTP: drawings, races, runs; without a browser."""

import base64
import json
import threading
import time

import numpy as np
import pytest
from tests.web.browser import STROKES
from tests.web.conftest import running

import deltarule as dr
from deltarule.errors import DeltaruleError
from deltarule.models.ensemble import load_predictor
from deltarule.studies.compare.comparing import Comparing
from deltarule.training.folder import RunFolder
from deltarule.web.drawing import deciding_pixels
from deltarule.web.guard import Refusal
from deltarule.web.limits import Limits
from deltarule.web.race import Race, Reader
from deltarule.web.race_picture import GRID, Pictures
from deltarule.web.race_plan import FIELDS, Plan, choices, recipe_of
from deltarule.web.race_texts import texts_of
from deltarule.web.served_model import ServedModel
from deltarule.web.service import Jobs, Service
from deltarule.web.strokes import image_of

VARIANTS = [
    {"hidden": "8,8", "activation": "tanh", "optimizer": name, "learning_rate": "0.01"} for name in ("sgd", "adam")
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with running({}, Limits(jobs=2), runs=folder / "runs") as client:
        client.folder = folder / "runs"
        wait(client, "/draw/state", lambda state: state["progress"]["status"] != "running")
        yield client


def wait(client, path, done, seconds=60):
    until = time.monotonic() + seconds
    while not done(found := client.json(path)[1]):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def placed(strokes, size, x, y):
    return [[[x + size * px, y + size * py] for px, py in stroke] for stroke in strokes]


@pytest.mark.parametrize("shape", [(8, 8), (28, 28)])
def test_size_and_place_do_not_change_what_the_network_sees(shape):
    for strokes in STROKES.values():
        image = image_of(strokes, shape)
        assert image.shape == shape
        # Rounding can change single black pixels at the edge of a stroke, of which 16 make 16.
        assert image_of(placed(strokes, 0.2, 300, -50), shape) == pytest.approx(
            image, abs=1.01 if shape == (8, 8) else 1e-6
        )


def test_images_are_normalized_as_those_of_mnist():
    for strokes in STROKES.values():
        image = image_of(strokes, (28, 28))
        rows, columns = np.nonzero(image > 20)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1.5)
        places = np.indices((28, 28)) + 0.5
        mass = (places * image).sum(axis=(1, 2)) / image.sum()
        assert mass == pytest.approx([14, 14], abs=0.25)
        assert image.max() == 255


@pytest.mark.parametrize(
    "strokes",
    [None, [], [[]], "x", [[1, 2]], [[[1]]], [[[1, "2"]]], [[[1, 1e9]]], [[[True, 1]]], [[[0, 0]]] * 65,
     [[[0, 0]] * 5000]],
)  # fmt: skip
def test_strokes_that_are_none(strokes):
    with pytest.raises(DeltaruleError, match="strokes"):
        image_of(strokes, (8, 8))


def test_a_point_is_a_stroke():
    assert image_of([[[5, 5]]], (8, 8)).max() > 0
    assert image_of([[[5, 5], [5, 5]]], (28, 28)).max() == 255


def test_drawn_digits_are_recognised(page):
    right = 0
    for label, strokes in STROKES.items():
        for size, x, y in ((0.8, 10, 10), (0.3, 2, 60), (0.55, 40, 5)):
            found = page.json("/draw/look", {"strokes": placed(strokes, size, x, y)})[1]
            assert sum(found["probabilities"]) == pytest.approx(1)
            right += found["classes"][int(np.argmax(found["probabilities"]))] == label
    assert right >= 27


def test_what_the_first_layer_does(page):
    found = page.json("/draw/look", {"strokes": STROKES["3"]})[1]
    activations = [unit["activation"] for unit in found["units"]]
    assert activations == sorted(activations, reverse=True)
    assert len(found["units"]) == 8
    assert all(len(unit["weights"]) == 64 and max(map(abs, unit["weights"])) == 1 for unit in found["units"])


def test_the_pixels_that_decided():
    data = dr.load_dataset("digits")
    model = dr.train(dr.Recipe(network=dr.Network(hidden=(16,)), epochs=3, stopping=None), data).model
    image = data.test.x[:1]
    found = deciding_pixels(model, image.reshape(1, 64).astype(np.float32), 3)
    change = model.predict_proba(image)[0, 3] - model.predict_proba(np.zeros_like(image))[0, 3]
    assert found.sum() == pytest.approx(change, abs=0.02)
    assert not found[image.ravel() == 0].any()


def test_an_example_is_learned(page):
    cross = [[[10, 10], [90, 90]], [[90, 10], [10, 90]]]
    before = page.json("/draw/look", {"strokes": cross})[1]
    least = before["classes"][int(np.argmin(before["probabilities"]))]
    assert page.json("/draw/examples", {"strokes": cross, "label": "none"})[0] == 400
    status, state = page.json("/draw/examples", {"strokes": cross, "label": least})
    assert (status, state["examples"]) == (200, 1)
    done = wait(page, "/draw/state", lambda state: state["progress"]["status"] != "running")
    assert done["progress"]["status"] == "finished"
    assert done["progress"]["scores"][-1] > 0.9
    after = page.json("/draw/look", {"strokes": cross})[1]
    assert after["classes"][int(np.argmax(after["probabilities"]))] == least


def test_a_model_without_images_is_no_model_for_drawings(models):
    with running({"iris": models["iris"]}) as client:
        assert client.json("/draw/state")[1]["model"] is None
        assert client.json("/draw/look", {"strokes": STROKES["1"]})[0] == 503


def frames(client, race):
    """All frames of a race."""
    status, content, headers = client.ask(f"/race/{race}/events")
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    return [json.loads(line[6:]) for line in content.decode().split("\n\n") if line.startswith("data: ")]


def picture_of(found, place):
    """The last picture of a variant: a frame has it only where it is new."""
    given = [frame["variants"][place]["picture"] for frame in found if frame["variants"]]
    return [picture for picture in given if picture][-1]


def test_a_race(page):
    status, start = page.json("/race/start", {"data": "moons", "variants": VARIANTS, "epochs": 12, "seeds": 2})
    assert status == 200
    assert start["classes"] == ["0", "1"]
    found = frames(page, start["id"])
    assert found[-1]["status"] == "finished"
    for place, variant in enumerate(VARIANTS):
        curves = [row for frame in found for row in (frame["variants"] or [{"curves": []}] * 2)[place]["curves"]]
        recipe = recipe_of(variant, 12)
        runs = [dr.train(recipe.replace(seed=seed), dr.load_dataset("moons")) for seed in range(2)]
        losses = np.array([[epoch.train_loss for epoch in run.history] for run in runs])
        expected = np.stack([losses.mean(axis=0), losses.min(axis=0), losses.max(axis=0)], axis=1)
        assert np.array(curves)[:, :3] == pytest.approx(expected, rel=1e-6)
    assert picture_of(found, 0)["kind"] == "surface"
    model = dr.train(recipe_of(VARIANTS[1], 12), dr.load_dataset("moons")).model
    left, right, bottom, top = start["box"]
    across, up = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    probabilities = model.predict_proba(np.column_stack([across.ravel(), up.ravel()]))
    certainty = np.frombuffer(base64.b64decode(picture_of(found, 1)["certainty"]), np.uint8)
    assert certainty == pytest.approx(255 * probabilities.max(axis=1), abs=1.01)
    run = dr.train(recipe_of(VARIANTS[0], 12), dr.load_dataset("moons"))
    diagnosis = dr.diagnose(run, dr.load_dataset("moons"), short=True)
    sentences = [each["sentence"] for each in found[-1]["variants"][0]["findings"]]
    assert sentences == [each.sentence for each in diagnosis.findings]
    assert sentences


def test_a_frame_has_every_variant_or_none_yet(monkeypatch):
    race = Race(Plan.of({"data": "moons", "variants": VARIANTS, "epochs": 1, "seeds": 1}, None))
    seen = []

    def pictures(data):
        seen.append(len(race.frame(Reader.of(len(VARIANTS)))["variants"]))
        return Pictures(data)

    monkeypatch.setattr("deltarule.web.race.Pictures", pictures)
    race.run()
    assert seen == [0, 0]
    assert len(race.frame(Reader.of(len(VARIANTS)))["variants"]) == len(VARIANTS)


def test_a_variant_that_diverges_has_a_finding(page):
    wild = {**VARIANTS[0], "learning_rate": "1e30", "activation": "identity"}
    start = page.json("/race/start", {"variants": [wild, VARIANTS[1]], "epochs": 6, "seeds": 1})[1]
    first, second = frames(page, start["id"])[-1]["variants"]
    assert (first["status"], second["status"]) == ("diverged", "finished")
    assert first["findings"][0]["severity"] == "error"


def test_pause_step_and_stop(page):
    asked = {"variants": VARIANTS, "epochs": 2000, "seeds": 1}
    start = page.json("/race/start", asked)[1]
    control = f"/race/{start['id']}/control"
    assert page.json(control, {"action": "pause"})[1]["status"] == "paused"
    assert page.json(control, {"action": "step"})[0] == 200
    assert page.json(control, {"action": "jump"})[0] == 400
    assert page.json(control, {"action": {}})[0] == 400
    assert page.json(control, {"action": "speed", "speed": -1})[0] == 400
    assert page.json(control, {"action": "stop"})[1]["status"] == "stopped"
    assert frames(page, start["id"])[-1]["status"] == "stopped"
    assert page.json("/race/none/control", {"action": "stop"})[0] == 404


def test_too_many_races_are_refused(page):
    asked = {"variants": VARIANTS, "epochs": 2000, "seeds": 5}
    races = [page.json("/race/start", asked) for _ in range(3)]
    assert [status for status, _ in races] == [200, 200, 429]
    before = page.json("/draw/state")[1]
    assert page.json("/draw/train", {})[0] == 429
    assert page.json("/draw/examples", {"strokes": STROKES["3"], "label": "3"})[0] == 429
    assert page.json("/draw/state")[1] == before
    for _, race in races[:2]:
        page.json(f"/race/{race['id']}/control", {"action": "stop"})
        frames(page, race["id"])


def test_a_training_that_fails_is_no_longer_running(page, monkeypatch):
    monkeypatch.setattr(ServedModel, "warm", lambda self: np.zeros(1 << 60))
    assert page.json("/draw/train", {})[0] == 200
    state = wait(page, "/draw/state", lambda state: state["progress"]["status"] != "running")
    assert state["progress"]["status"] == "failed"


def test_a_model_that_is_offered_while_others_are_listed(models):
    iris = load_predictor(models["iris"])
    service = Service()
    service.offer([ServedModel("one", iris)])
    listed = iter(service.batchers.values())
    next(listed)
    service.offer([ServedModel("two", iris)])  # what a job's thread does
    assert list(listed) == []
    assert list(service.batchers) == ["one", "two"]


def test_jobs_are_counted_until_they_end():
    jobs, end = Jobs(1, "trainings"), threading.Event()
    job = jobs.start(end.wait)
    assert jobs.running == 1
    with pytest.raises(Refusal, match="at most 1 trainings"):
        jobs.start(end.wait)
    end.set()
    assert job.result()
    assert jobs.running == 0
    jobs.start(end.wait).result()
    jobs.close()


def test_a_race_on_a_table(page):
    text = "size,colour,kind\n" + "".join(f"{n},{'red' if n % 2 else 'blue'},{'ab'[n > 30]}\n" for n in range(60))
    asked = {"data": "csv", "csv": text, "variants": VARIANTS, "epochs": 3, "seeds": 1}
    start = page.json("/race/start", asked)[1]
    found = frames(page, start["id"])
    assert found[-1]["status"] == "finished"
    assert np.array(picture_of(found, 0)["counts"]).shape == (2, 2)
    status, answer = page.json("/race/start", {**asked, "target": "none"})
    assert status == 400
    assert "none" in answer["error"]


@pytest.mark.parametrize(
    "change",
    [
        {"variants": VARIANTS[:1]}, {"variants": VARIANTS * 4}, {"variants": "x"}, {"epochs": 0}, {"epochs": 10**9},
        {"seeds": 99}, {"data": "/etc/passwd"}, {"data": "openml:iris"}, {"data": "csv"}, {"data": "csv", "csv": "a\n"},
        {"variants": [VARIANTS[0], {"members": "10000"}]}, {"variants": [VARIANTS[0], {"hidden": "100000"}]},
        {"variants": [VARIANTS[0], {"hidden": "8,0"}]}, {"variants": [VARIANTS[0], {"optimizer": "lbfgs"}]},
        {"variants": [VARIANTS[0], {"learning_rate": "nan"}]}, {"variants": [VARIANTS[0], {"activation": ["relu"]}]},
    ],
)  # fmt: skip
def test_races_that_are_invalid(page, change):
    status, answer = page.json("/race/start", {"variants": VARIANTS, "epochs": 2, "seeds": 1, **change})
    assert status == 400
    assert answer["error"].startswith("Expected")


def test_fields_that_are_not_set_are_shown_as_they_are(page):
    shown = page.json("/race/choices")[1]["usual"]
    assert recipe_of(shown, 3) == recipe_of({}, 3)
    assert shown["activation"] == recipe_of({}, 3).network.activation.name


def test_every_choice_makes_a_recipe():
    for field, names in choices().items():
        assert field in FIELDS
        for name in names:
            recipe_of({field: name}, 3)


def test_a_recipe_as_python_and_json(page):
    variant = {"hidden": "8,4", "activation": "tanh", "optimizer": "momentum", "learning_rate": "0.05", "l2": "0.01"}
    recipe = recipe_of({**variant, "normalization": "batch"}, 7)
    texts = texts_of(variant, recipe, "moons")
    made = {}
    exec(texts["python"].replace("print(run)", "").replace("run = dr.train", "# "), made)
    assert made["recipe"] == recipe == dr.Recipe.from_json(texts["json"])
    assert "--set hidden=8,4" in texts["shell"]
    assert page.json("/race/recipe", {"variant": variant, "epochs": 7})[1]["python"].startswith("import deltarule")


def test_runs_appear_while_they_are_trained(page):
    assert page.json("/runs") == (200, {"folder": "runs", "runs": []})
    folder = RunFolder.create(page.folder / "moons-1")
    recipe = dr.Recipe(epochs=3, stopping=None)
    folder.write_recipe(recipe)
    data = dr.load_dataset("moons")
    for number, epoch in enumerate(dr.epochs(recipe, data), 1):
        folder.append(epoch)
        (run,) = page.json("/runs")[1]["runs"]
        assert (run["name"], run["epochs"], run["live"]) == ("moons-1", number, True)
    folder.write_model(dr.train(recipe, data).model)
    with (page.folder / "moons-1" / "history.jsonl").open("a") as file:
        file.write('{"number": 4, "train_lo')  # a line that is being written
    status, run = page.json("/runs/moons-1")
    assert (status, run["live"], len(run["curves"])) == (200, False, 3)
    assert dr.Recipe.from_json(run["recipe"]) == recipe
    status, card, headers = page.ask("/runs/moons-1/card")
    assert status == 200
    assert b"<h1>moons 2-" in card
    assert "sandbox" in headers["content-security-policy"]
    for name in ("%2e%2e", "none", "moons-1%2f..", "%2e", "moons-1/report"):
        assert page.ask(f"/runs/{name}")[0] == 404


def test_comparisons_appear(page):
    small = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=3, stopping=None)
    under_way = Comparing(dr.vary(small, optimizer=("sgd", "adam")), dr.load_dataset("iris"), 2)
    folder = page.folder / "compare-1"
    under_way.keep_in(folder)
    list(under_way)
    assert next(run for run in page.json("/runs")[1]["runs"] if run["name"] == "compare-1")["live"]
    (folder / "report.html").write_text("<html>What `Comparison.write` writes.</html>")
    found = page.json("/runs/compare-1")[1]
    assert (found["kind"], found["live"], found["report"]) == ("comparison", False, True)
    assert [(each["networks"], len(each["curves"])) for each in found["variants"]] == [(2, 3), (2, 3)]
    status, report, headers = page.ask("/runs/compare-1/report")
    assert status == 200
    assert b"<html" in report
    assert "sandbox" in headers["content-security-policy"]
