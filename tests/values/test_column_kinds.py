"""A further kind of columns is one class: it is recognised, read, described, prepared and kept with the model."""

from __future__ import annotations

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import table_of
from deltarule.data.delimited import read_delimited
from deltarule.data.kinds import KINDS, ColumnKind
from deltarule.errors import DataError


class DurationKind(ColumnKind):
    """Minutes and seconds, as seconds."""

    name = "duration"
    unbounded = True
    cells = "durations such as 2:30"

    def recognises(self, words):
        return all(self._seconds(word) is not None for word in words)

    def read(self, words):
        return [self._seconds(word) for word in words], ()

    def word(self, value, categories):
        return f"{int(value) // 60}:{int(value) % 60:02}"

    def summary(self, values, categories):
        return f"{self.word(values.min(), ())} to {self.word(values.max(), ())}"

    def facts(self, values, categories):
        return {"longest": float(values.max())}

    def _seconds(self, word):
        minutes, colon, seconds = word.partition(":")
        return 60.0 * int(minutes) + int(seconds) if colon and (minutes + seconds).isdigit() else None


@pytest.fixture(autouse=True)
def duration(monkeypatch):
    monkeypatch.setitem(KINDS, "duration", DurationKind())


@pytest.fixture
def runners(tmp_path):
    path = tmp_path / "runners.csv"
    rows = [f"{2 + i % 5}:{i:02},{'slow' if i % 5 > 2 else 'fast'}" for i in range(60)]
    path.write_text("\n".join(["time,group", *rows, ",fast"]) + "\n")
    return path


def test_it_is_recognised_and_described(runners):
    table = read_delimited(runners)
    column = table.column("time")
    assert table.kinds == {"time": "duration", "group": "category"}
    assert column.values[:2].tolist() == [120, 181]
    assert column.usable
    assert column.labels()[[0, 59, 60]].tolist() == ["2:00", "6:59", ""]
    assert column.summary() == "2:00 to 6:59"
    assert column.facts() == {"name": "time", "type": "duration", "missing": 1, "longest": 419.0}


def test_it_can_be_asked_for():
    assert table_of({"time": ["1:00"]}, {"time": "duration"}).column("time").values.tolist() == [60]
    assert np.isnan(table_of({"time": [None]}, {"time": "duration"}).column("time").values).all()
    with pytest.raises(DataError, match=r"durations such as 2:30 for time, got '90' in row 2"):
        table_of({"time": ["1:00", "90"]}, {"time": "duration"})
    with pytest.raises(DataError, match=r"a type: number, category, boolean, date, ignored, duration for time, got"):
        table_of({"time": ["1:00"]}, {"time": "durations"})


def test_a_network_learns_from_it_and_keeps_it(runners, tmp_path):
    data = dr.load_dataset(runners, target="group", split=None)
    model = dr.train(dr.Recipe(epochs=3, stopping=None), data, engine="reference").model
    assert model.encoding.inputs == ("time", "time missing")
    loaded = dr.load_model(model.save(tmp_path / "runners.safetensors"))
    assert loaded.encoding.kinds == {"time": "duration"}
    assert (loaded.predict({"time": ["2:10", "6:10"]}) == model.predict({"time": ["2:10", "6:10"]})).all()
