"""The moons' published digits, and what all experiments share."""

import json

import numpy as np
import pytest

from deltarule.errors import DataFileError, RecipeError, UnknownName
from deltarule.experiments.reproduce import (
    AS_PUBLISHED,
    Given,
    Moons,
    changed,
    data_of,
    experiment,
    published_folder,
    reproduce,
)
from deltarule.experiments.reproduce.published import MOONS_ACCURACY, MOONS_LOSSES


@pytest.mark.parametrize(
    ("engine", "epochs"),
    [("compiled", 10_000), ("reference", 3001)],  # `deltarule reproduce moons --engine reference` runs all
)
def test_every_printed_digit_is_met(tmp_path, engine, epochs):
    told, whole = [], epochs == Moons().epochs
    moons = changed(Moons(), [] if whole else [f"epochs={epochs}"])
    result = moons.run(Given(engine=engine, progress=lambda steps, note: told.append(steps)))
    found = result.to_json()
    assert set(found) == {"momentum", "adam"}
    for name, published in MOONS_LOSSES.items():
        printed = dict(zip(map(str, range(0, epochs, 1000)), published, strict=whole))
        assert found[name]["losses"] == printed
        assert len(printed) >= 4
        if whole:
            assert found[name]["accuracy"] == MOONS_ACCURACY[name]
    assert sum(told) == moons.steps
    if whole:
        assert all(row[-1] == "0" for table in result.tables() for row in table.rows)
    assert all(path.stat().st_size > 10_000 for path in result.write(tmp_path))


def test_repetitions_tell_mean_and_spread():
    found = reproduce(changed(Moons(), ["epochs=30", "hidden=4", "table_every=10"]), Given(), seeds=3)
    data = found.to_json()
    assert data["repeats"]["n"] == 3
    figures = data["repeats"]["figures"]["adam: accuracy on the training points"]
    assert figures["mean"] == pytest.approx(np.mean(figures["values"]))
    assert figures["standard_deviation"] == pytest.approx(np.std(figures["values"], ddof=1))
    assert list(data["momentum"]["losses"]) == ["0", "10", "20"]
    assert found.tables()[-1].title == "Over 3 seeds"
    json.dumps(data, allow_nan=False)


def test_repetitions_differ_and_the_first_is_the_experiment_itself():
    moons = changed(Moons(), ["epochs=2"])
    assert moons.repeated(0) == moons
    first, second = (moons.repeated(number).run(Given()).losses["adam"] for number in (0, 1))
    assert (first != second).all()


@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_experiments_as_published_have_nothing_changed(name):
    assert experiment(name).changes() == {}
    assert experiment(name).name == name
    assert changed(experiment(name), []) == experiment(name)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("epoch=3", "epochs"),
        ("epochs", "field=value"),
        ("epochs=three", "an integer for epochs"),
        ("epochs=1.5", "an integer for epochs"),
        ("epochs=0", "at least 1"),
        ("noise=nan", "finite"),
        ("learning_rate=-1", "at least 0"),
        ("hidden=5,x", "an integer for hidden"),
        ("hidden=5,0", "at least 1"),
        ("weights_seed=-1", "at least 0"),
        ("weights_seed=9999999999", "below 2"),
    ],
)
def test_a_bad_setting_is_refused_with_words(setting, words):
    with pytest.raises(RecipeError, match=words):
        changed(Moons(), [setting])


def test_settings_are_read_as_their_fields_are():
    moons = changed(Moons(), ["hidden=(8, 4)", "batch-size=1_00", "learning_rate=1e-2"])
    assert (moons.hidden, moons.batch_size, moons.learning_rate) == ((8, 4), 100, 0.01)
    assert moons.changes() == {"hidden": (8, 4), "batch_size": 100, "learning_rate": 0.01}
    assert changed(Moons(), ["hidden="]).hidden == ()


def test_bad_questions_are_refused(tmp_path):
    with pytest.raises(UnknownName, match="fashion"):
        experiment("fashon")
    with pytest.raises(RecipeError, match="seeds"):
        reproduce(Moons(), Given(), seeds=0)
    with pytest.raises(RecipeError, match="engine"):
        changed(Moons(), ["epochs=1"]).run(Given(engine="warp"))
    with pytest.raises(DataFileError, match="data fetch mnist"):
        data_of(experiment("digits"), tmp_path / "absent")
    with pytest.raises(DataFileError, match="published lists"):
        published_folder(given=tmp_path / "absent")
    assert data_of(experiment("moons"), tmp_path / "absent") is None


def test_published_lists_are_found_beside_the_data_or_in_it(tmp_path, monkeypatch):
    monkeypatch.delenv("DELTARULE_DATA", raising=False)
    assert published_folder() is None
    assert published_folder(tmp_path / "mnist") is None
    (tmp_path / "nielsen").mkdir()
    assert published_folder(tmp_path / "mnist") == (tmp_path / "nielsen").resolve()
    assert published_folder(tmp_path) == (tmp_path / "nielsen").resolve()
