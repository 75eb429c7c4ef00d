"""Names that somebody else chose, in pictures, tables, pages and spreadsheets."""

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console

import deltarule as dr
from deltarule.cli.compare import _print_report
from deltarule.data.kinds import number_of
from deltarule.figures import style
from deltarule.figures.samples import confusion_matrix
from deltarule.studies.compare import pictures

NAMES = (
    r"$\frac{$",
    "_hidden",
    '=HYPERLINK("http://example.org","click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3; @SUM(1)",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1",
    "<img src=x onerror=alert(1)>",
    "[/red] [bold]",
    "-0.5",
    'two\nlines, "quoted"',
    "caf\udce9",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _compared(names):
    x = np.random.default_rng(0).normal(size=(30, 2))
    data = dr.Dataset((x[:20], x[:20, 0] > 0), validation=(x[20:], x[20:, 0] > 0), name="=1+1 $\\sqrt{$")
    recipe = dr.Recipe(network=dr.Network(hidden=(2,)), epochs=2, batch_size=10, stopping=None)
    return dr.compare(dict.fromkeys(names, recipe), data, seeds=2, engine="reference", record="batch")


@pytest.fixture(scope="module")
def comparison():
    return _compared(NAMES)


@pytest.fixture(scope="module")
def written(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    comparison.write(folder)
    return folder


def test_no_cell_is_a_formula(written):
    texts = 0
    for path in written.glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_bytes().decode(), newline="")):
            for cell in row:
                texts += cell.startswith("'")
                assert not cell.startswith(FORMULA) or number_of(cell) is not None, cell
    assert texts >= 2 * 8


def test_cells_keep_their_words_and_numbers(comparison, written):
    with (written / "networks.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = {row["variant"].removeprefix("'") for row in rows}
    assert names == {name.encode(errors="backslashreplace").decode() for name in NAMES}
    assert [float(row["score"]) for row in rows] == [network.score for network in comparison.networks]


def test_a_cell_is_one_cell_whatever_separates_cells(written):
    """Spreadsheets of some countries take semicolons: text that has one is quoted."""
    text = (written / "variants.csv").read_text(encoding="utf-8")
    assert '"\'-2+3; @SUM(1)"' in text


def test_the_page_escapes_names(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert json.loads((written / "result.json").read_text(encoding="utf-8"))["variants"].keys() == set(NAMES)


@pytest.mark.parametrize("names", [NAMES[:7], NAMES[7:]], ids=["first", "last"])
def test_pictures_draw_names_as_they_are(names, tmp_path):
    compared = _compared(names)
    for kind in pictures.kinds_of(compared):
        display = compared.plot(kind)
        style.save(display.figure_, tmp_path / f"{kind}.svg")
        legend = display.ax_.get_legend()
        assert legend is None or len(legend.get_texts()) == len(names)


def test_classes_in_pictures(tmp_path):
    picture = confusion_matrix(np.eye(len(NAMES), dtype=int), [style.plain(name) for name in NAMES])
    style.save(picture, tmp_path / "classes.png")


def test_tables_in_the_shell_read_no_markup(comparison):
    words = Console(file=io.StringIO(), width=200)
    _print_report(comparison, words)
    assert "[/red] [bold]" in words.file.getvalue()
