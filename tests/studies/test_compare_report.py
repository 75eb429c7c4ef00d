"""The report of a comparison, its tables and its pictures."""

import csv
import html.parser
import json
import re
import shutil
import subprocess

import matplotlib.figure
import numpy as np
import pytest

import deltarule as dr
from deltarule.figures.curve_displays import CurvesDisplay
from deltarule.figures.displays import Display
from deltarule.figures.style import DARK, LIGHT
from deltarule.studies import html_page
from deltarule.studies.compare import pictures
from deltarule.studies.compare.page import page

IRIS = dr.load_dataset("iris")
SMALL = dr.Recipe(network=dr.Network(hidden=(5,)), epochs=4)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "<script>alert('&\"')</script>"


@pytest.fixture(scope="module")
def comparison():
    varied = dr.vary(SMALL, optimizer=("sgd", "adam"), l2=(0, 0.01))
    return dr.compare(varied, IRIS, seeds=4, record="batch")


@pytest.fixture(scope="module")
def hostile():
    """A comparison of regressions whose data set and variant are named to be executed."""
    diabetes = dr.load_dataset("diabetes")
    data = dr.Dataset(diabetes.train, diabetes.validation, diabetes.test, name=HOSTILE)
    return dr.compare({HOSTILE: SMALL, "other": SMALL.replace(optimizer="sgd")}, data, seeds=2, tune="learning_rate")


@pytest.fixture(scope="module")
def written(comparison, tmp_path_factory):
    return comparison.write(tmp_path_factory.mktemp("made") / "some" / "where")


@pytest.fixture(scope="module")
def report(written):
    return written[0].read_text()


@pytest.fixture(scope="module")
def hostile_report(hostile):
    return page(hostile)


class Page(html.parser.HTMLParser):
    """Every address in a page, and every tag that was opened and not closed."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.open, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href", "srcset", "data", "action"}]
        if tag not in {"meta", "link", "img", "source", "br", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_the_report_asks_nobody_for_anything(which, request):
    text = request.getfixturevalue(which)
    read = Page(text)
    assert read.open == []
    assert read.addresses
    assert all(address.startswith("data:") for address in read.addresses)
    assert "script" not in read.tags
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text


def test_text_is_escaped(hostile, hostile_report):
    assert HOSTILE not in hostile_report
    assert "&lt;script&gt;" in hostile_report
    assert HOSTILE not in hostile._repr_html_()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_chromium_opens_it_without_an_error_or_a_request(report, tmp_path):
    (tmp_path / "report.html").write_text(report)
    log = tmp_path / "net.json"
    opened = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
            "--disable-background-networking", "--disable-component-update", "--no-first-run", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000",
            f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}", "--window-size=1000,1400",
            f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert opened.returncode == 0, opened.stderr
    assert "CONSOLE" not in opened.stderr
    drawn = matplotlib.image.imread(tmp_path / "page.png")[..., :3]
    assert drawn.shape[:2] == (1400, 1000)
    assert (drawn.reshape(-1, 3).std(axis=0) > 0.05).all()
    # The browser asks for things of its own; what a page asks for has the page's origin as its initiator.
    asked = [line for line in log.read_text().splitlines() if re.search(r'"initiator":"(?!not an origin)', line)]
    assert not [line for line in asked if '"url":"http' in line]


def test_what_is_written(comparison, written):
    names = ["report.html", "result.json", "variants.csv", "pairs.csv", "networks.csv", "epochs.csv"]
    assert [path.name for path in written] == names
    found = {path.name: path.read_text() for path in written}
    assert json.loads(found["result.json"]) == json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    tables = {name: list(csv.DictReader(text.splitlines())) for name, text in found.items() if name.endswith(".csv")}
    counts = {name: len(rows) for name, rows in tables.items()}
    assert counts == {"variants.csv": 4, "pairs.csv": 6, "networks.csv": 16, "epochs.csv": 64}
    for row in tables["variants.csv"]:
        assert float(row["mean"]) == comparison.summaries[row["variant"]].mean
        assert {row["optimizer"], row["l2"]} & {"sgd", "adam"}
    for row in tables["networks.csv"]:
        assert float(row["score"]) == comparison.of(row["variant"])[int(row["seed"])].score


def test_a_place_that_cannot_be_written_to(comparison, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(dr.DeltaruleError, match="folder for the report"):
        comparison.write(tmp_path / "file")


def test_every_kind_of_picture(comparison):
    kinds = pictures.kinds_of(comparison)
    assert kinds == list(pictures.KINDS)
    for kind in kinds:
        display = comparison.plot(kind)
        assert isinstance(display, Display)
        assert display.ax_.get_xlabel()
        assert display.figure_.axes[0] is display.ax_
        assert display._repr_png_().startswith(b"\x89PNG")


def drawn_in(display, theme):
    """A picture as SVG without its identifiers and without black, which SVG fills with where nothing is said."""
    return plain_svg(html_page._svg(display.plot(theme=theme).figure_))


def plain_svg(text):
    text = re.sub(r"\b(?:m|p|C|image)\w{10,}\b", "id", text)
    return re.sub(r' style=""', "", re.sub(r"fill: #000000(; )?", "", text))


def test_a_picture_that_is_drawn_once_is_that_of_each_theme(comparison):
    for kind in ("scores", "curves", "heat_map"):
        display = pictures.display(comparison, kind)
        light, dark = map(plain_svg, html_page._in_both(display))
        assert light == drawn_in(display, LIGHT)
        assert dark == drawn_in(display, DARK)
        assert light != dark


def test_pictures_are_drawn_on_axes_that_are_given(comparison):
    axes = matplotlib.figure.Figure().subplots(1, 2)
    display = comparison.plot("curves", ax=axes[1])
    assert display.ax_ is axes[1]
    assert not axes[0].lines


def test_dark_paper_has_light_ink(comparison):
    display = pictures.display(comparison, "curves").plot(theme=DARK)
    assert matplotlib.colors.same_color(display.figure_.get_facecolor(), DARK.paper)
    assert matplotlib.colors.same_color(display.ax_.xaxis.label.get_color(), DARK.ink)


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_stand_out_from_the_paper(theme):
    for words, least in ((theme.ink, 7.0), (theme.quiet, 4.5)):
        low, high = sorted((luminance(words), luminance(theme.paper)))
        assert (high + 0.05) / (low + 0.05) >= least


def test_lines_are_told_apart_without_their_colours():
    curves = {str(number): [[1.0, 0.5 + number / 10]] for number in range(10)}
    display = CurvesDisplay(curves, "Loss").plot()
    looks = {(line.get_linestyle(), line.get_marker()) for line in display.ax_.lines}
    assert len({marker for _, marker in looks}) == 8
    assert display.left_out == ["8", "9"]


def test_a_network_that_has_stopped_stays_where_it_is():
    display = CurvesDisplay({"a": [[4.0, 2.0], [4.0, 2.0, 1.0, 1.0]]}, "Loss").plot()
    assert display.ax_.lines[0].get_ydata() == pytest.approx([4.0, 2.0, 1.5, 1.5])


def test_what_cannot_be_drawn(comparison):
    plain = dr.compare({"a": SMALL, "b": SMALL}, IRIS, seeds=1)
    with pytest.raises(dr.DeltaruleError, match="Try: curves"):
        comparison.plot("curve")
    with pytest.raises(dr.DeltaruleError, match="two fields"):
        plain.plot("heat_map")
    with pytest.raises(dr.DeltaruleError, match='record="batch"'):
        plain.plot("iterations")
    assert set(pictures.KINDS) - set(pictures.kinds_of(plain)) == {"heat_map", "iterations"}


def test_numbers_are_compared_too(hostile, hostile_report):
    assert hostile.score_name == "R²"
    assert "R² on the test set" in hostile_report
    assert hostile.plot("scores").ax_.get_xlabel().startswith("R²")


def test_in_a_notebook(comparison):
    shown = comparison._repr_html_()
    assert "<table" in shown
    assert all(name in shown for name in comparison.ranked)
    assert repr(comparison) == "Comparison(4 variants, 16 networks)"
