"""The recorded terminal session: `docs/terminal.md` and its pictures are what the commands print today."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
spec = importlib.util.spec_from_file_location("record_terminal", DOCS / "terminal.py")
terminal = importlib.util.module_from_spec(spec)
spec.loader.exec_module(terminal)

RUN = [each for each in terminal.COMMANDS if not each.startswith("compare")]
"""The comparison is recorded with the times of its trainings, and has tests of its own."""


def timeless(text):
    """The text without what differs between machines."""
    text = re.sub(r"(Compiling the engine[^.]*?second or two\.|正在编译引擎[^。]*。)\s*", "", text)
    text = re.sub(r"(Matplotlib is building the font cache|findfont: )[^\n]*\n", "", text)
    text = re.sub(r"Versions: [^\n]*", "Versions: …", text)
    text = re.sub(r"用时 \S+ 秒", "用时 … 秒", text)
    return re.sub(r"epochs in \S+ s\b", "epochs in … s", text)


@pytest.mark.parametrize(
    ("page", "run"), [(terminal.PAGE, terminal.piped), (terminal.CHINESE, terminal.piped_in_chinese)], ids=["en", "zh"]
)
def test_the_page_is_what_a_pipe_receives(page, run):
    page = page.read_text(encoding="utf-8")
    for printed in terminal.session(run, RUN).split("\n\n$ "):
        assert timeless(printed.removeprefix("$ ")) in timeless(page)
    assert "\x1b" not in page


@pytest.mark.parametrize("width", terminal.WIDTHS)
def test_the_pictures_show_the_same_within_their_width(width):
    drawing = (DOCS / f"pictures/terminal-{width}.svg").read_text(encoding="utf-8")
    drawn = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", drawing).replace("&#160;", " ")).replace("&#x27;", "'")
    page = (DOCS / "terminal.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\d+\.\d\d %", page)
    assert len(numbers) > 40
    assert all(each in drawn for each in numbers)
    assert "http" not in drawing.replace("http://www.w3.org/", "").replace("https://www.textualize.io", "")


def test_a_screen_shows_what_remains():
    screen = terminal.Screen(13)
    screen.write(
        "\x1b[?25l\x1b[1mbold\x1b[0m\r\nprogress 10 %\r\x1b[2K\x1b[1A\x1b[2Kdone \x1b[31mred\x1b[0m\r\n" + "x" * 16
    )
    assert screen.ansi() == "done \x1b[0m\x1b[31mred\x1b[0m\nxxxxxxxxxxxxx\nxxx"
