"""What objects show in a notebook: self-contained, escaped HTML, readable in light and dark."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import deltarule as dr
from deltarule.markup import curves, table, text

EVIL = '<script>alert("x")</script>'
FRAME = pd.DataFrame({EVIL: np.arange(60.0), "c": [EVIL, "b", "c"] * 20, "y": [f"{EVIL}1", "\x1b]0;q"] * 30})


@pytest.fixture(scope="module")
def shown():
    data = dr.load_dataset(FRAME, target="y")
    named = dr.Dataset(data.train, data.validation, data.test, name=EVIL, source=EVIL)
    run = dr.train(dr.Recipe(epochs=3, class_weight={f"{EVIL}1": 2.0}), named)
    diabetes = dr.load_dataset("diabetes")
    return {
        "run": run,
        "model": run.model,
        "recipe": run.recipe,
        "data": run.data,
        "regression": dr.train(dr.Recipe(epochs=3), diabetes),
        "numbers": diabetes,
        "range": dr.learning_rate_range(dr.Recipe(), dr.load_dataset("digits"), steps=40, seeds=1),
        "comparison": dr.compare({EVIL: dr.Recipe(epochs=2), "sgd": dr.Recipe(optimizer="sgd")}, named, seeds=2),
    }


KINDS = ["run", "model", "recipe", "data", "regression", "numbers", "range", "comparison"]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.open += [] if tag in ("br", "img", "hr") else [tag]
        assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_one_balanced_fragment_without_scripts_or_addresses(shown, kind):
    html = shown[kind]._repr_html_()
    parser = Tags()
    parser.feed(html)
    assert parser.open == []
    assert "script" not in parser.seen
    assert not re.search(r"https?:|url\(|\x1b|@import", html)
    assert len(html) < 12_000


@pytest.mark.parametrize("kind", KINDS)
def test_colours_follow_the_page(shown, kind):
    html = shown[kind]._repr_html_()
    assert not re.search(r"(?<![-\w])color:\s*(#|black|white|rgb)", html)
    assert not re.search(r"background(-color)?:\s*(?!none)", html)


def test_what_they_show(shown):
    run = shown["run"]._repr_html_()
    for expected in ("finished after 3 epochs", "Validation", "accuracy", "Baseline", "validation loss"):
        assert expected in run
    assert run.count("<svg") == 2
    assert "R²" in shown["regression"]._repr_html_()
    assert "Baseline" not in shown["regression"]._repr_html_()
    assert "2,834" in shown["model"]._repr_html_() or "Parameters" in shown["model"]._repr_html_()
    assert "class_weight" in shown["recipe"]._repr_html_()
    assert "with the defaults" in dr.Recipe()._repr_html_()
    assert "category" in shown["data"]._repr_html_()
    assert shown["run"].evaluate()._repr_html_().count("<tr>") == 4
    assert "standard deviation" in shown["numbers"]._repr_html_()
    assert "learning rate" in shown["range"]._repr_html_()
    assert shown["comparison"]._repr_html_().count("<svg") == 1


def test_a_picture_is_valid_for_all_numbers():
    series = {"a": [1.0, float("nan"), 3.0, 4.0], "b": [float("inf"), 2.0], "none": [float("nan")], "c": [5.0]}
    tree = ET.fromstring(curves(series, mark=2))
    lines = [each.attrib["points"] for each in tree.iter("polyline")]
    assert len(lines) == 4
    numbers = [float(each) for line in lines for each in re.split(r"[ ,]", line)]
    assert min(numbers) >= 0
    assert "nan" not in " ".join(lines)
    assert curves({"none": [float("nan")]}) == ""
    assert len(curves({"long": [float(k % 7) for k in range(100_000)]})) < 10_000


def test_text_is_escaped_and_short():
    assert text(EVIL) == "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"
    assert "\u202e" not in text("a\u202eb")
    assert len(text("x" * 10**6)) < 3000
    assert "<b>" not in table(["<b>"], [["<b>"]])


def test_a_run_draws_its_curves(tmp_path):
    run = dr.train(dr.Recipe(epochs=3), dr.load_dataset("iris"))
    picture = run.plot()
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert [axes.get_ylabel() for axes in picture.axes_] == ["Loss (mean over samples)", "Accuracy (%)"]
    assert picture.save(tmp_path / "curves.svg").read_bytes().startswith(b"<?xml")


def test_several_labels_are_shown_each_and_evaluations_have_their_metrics():
    x = np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "red": (x[:, 0] > 0) * 1, "big": (x[:, 1] > 1) * 1})
    data = dr.load_dataset(frame, target=["red", "big"])
    assert "Label red" in data._repr_html_()
    assert "standard deviation" not in data._repr_html_()
    assert "Target y2" in dr.Dataset(train=(x, x))._repr_html_()
    evaluated = dr.train(dr.Recipe(epochs=1, metrics="f1"), data).evaluate()._repr_html_()
    for name in ("balanced accuracy", "roc auc", "average precision", "log loss", "f1"):
        assert name in evaluated
