"""Every example of the documents runs, every link leads somewhere, and pages in two languages give the same ones.

A ```python block is run; one with `>>>` in it is a doctest. The blocks of a page share their names, and all run in one
temporary folder. In a ```console block every line `$ deltarule …` is run, and has to end well. What cannot run in a
test says why, in the line before the block: `<!-- not run: why -->`; what needs packages that the tests do not install
names them, `<!-- needs: onnx, onnxruntime -->`, and runs where they are.
"""

from __future__ import annotations

import copy
import doctest
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from deltarule.cli.main import main
from deltarule.experiments.illustrations import ILLUSTRATIONS
from deltarule.formulas import Formula

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
EXAMPLES = sorted((CHECKOUT / "examples").glob("*.py"))
FRONT, FRONT_ZH = CHECKOUT / "README.md", CHECKOUT / "README.zh.md"
TOUR = CHECKOUT / "docs" / "tour"
TWINS = {page: page.with_name(page.name.replace(".zh.md", ".md")) for page in sorted(TOUR.parent.glob("*.zh.md"))}
IN_CHINESE = {page: TOUR / page.name for page in sorted((TOUR / "zh").glob("*.md"))} | {FRONT_ZH: FRONT} | TWINS
RECORDED = {TOUR.parent / "terminal.zh.md"}  # a session in Chinese: tests/architecture/test_terminal_page.py
RUN = [page for page in PAGES if page not in IN_CHINESE]  # their examples are those of the English page

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.{10,}?) -->\s*$")
NEEDS = re.compile(r"<!-- needs: ([\w, ]+) -->\s*$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """An example: its language, its text, the line of the page it starts at, and why it is not run."""

    language: str
    text: str
    line: int
    not_run: str | None


def blocks(page: Path) -> Iterator[Block]:
    """The examples of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        before = text[: match.start()]
        reason, needs = NOT_RUN.search(before), NEEDS.search(before)
        absent = [each for each in re.split(r", *", needs[1]) if find_spec(each) is None] if needs else []
        not_run = reason[1] if reason else f"it needs {', '.join(absent)}" if absent else None
        yield Block(match[1], match[2], before.count("\n") + 2, not_run)


def name_of(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def commands(block: Block) -> list[list[str]]:
    """The calls of `deltarule` in a console block, comments left out."""
    lines = block.text.splitlines() if block.language == "console" else []
    calls = (line.removeprefix("$ ") for line in lines if line.startswith("$ deltarule"))
    return [shlex.split(call, comments=True) for call in calls]


def checked(text: str, namespace: dict[str, object], page: Path, line: int) -> None:
    """Run a doctest in the page's names."""
    test = doctest.DocTestParser().get_doctest(text, namespace, name_of(page), str(page), line - 1)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    report: list[str] = []
    failed = doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    assert not failed.failed, "".join(report)


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    register = sys.modules[Formula.__module__]
    monkeypatch.setattr(register, "_REGISTER", copy.deepcopy(register._REGISTER))  # a page's own formulas leave with it
    monkeypatch.setitem(sys.modules, "a_page", module := types.ModuleType("a_page"))
    namespace = vars(module)
    for block in blocks(page):
        if block.language != "python" or block.not_run:
            continue
        if ">>>" in block.text:
            checked(block.text, namespace, page, block.line)
        else:
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec", dont_inherit=True), namespace)


WITH_COMMANDS = [page for page in RUN if any(commands(block) for block in blocks(page))]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_shell_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(page):
        for call in [] if block.not_run else commands(block):
            monkeypatch.setattr(sys, "argv", call)
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0, f"{name_of(page)}, line {block.line}: {shlex.join(call)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", link):
            target, _, anchor = link.partition("#")
            file = page.parent / target if target else page
            assert file.exists(), f"{name_of(page)}: {link}"
            if anchor:
                assert anchor in anchors(file), f"{name_of(page)}: {link}"


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have as links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", IN_CHINESE, ids=name_of)
def test_a_page_in_chinese_gives_the_examples_and_pictures_of_the_english_one(page):
    english = IN_CHINESE[page]
    if page not in RECORDED:
        assert [block[:2] for block in blocks(page)] == [block[:2] for block in blocks(english)]
    assert list(pictures(page)) == list(pictures(english))


@pytest.mark.parametrize("page", [page for page in TWINS if page not in RECORDED], ids=name_of)
def test_a_page_in_chinese_gives_the_numbers_of_the_english_one(page):
    chinese, english = (re.findall(r"−?\d+\.\d+", each.read_text(encoding="utf-8")) for each in (page, TWINS[page]))
    assert sorted(chinese) == sorted(english)


def pictures(page: Path) -> Iterator[Path]:
    """The picture files that a page shows, in order."""
    for link in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        yield (page.parent / link).resolve()


def test_the_tour_is_whole_in_both_languages_and_shows_every_illustration():
    chapters = {page.name for page in TOUR.glob("*.md")}
    assert chapters == {page.name for page in (TOUR / "zh").glob("*.md")}
    assert len(chapters) == 1 + 9
    shown = {picture.stem for page in TOUR.glob("*.md") for picture in pictures(page)}
    assert shown - {"compare-scores"} == {f"illustration-{name}" for name in ILLUSTRATIONS}


def test_the_front_page_gives_the_two_commands_of_a_fresh_machine():
    first, second = (line for line in FRONT.read_text(encoding="utf-8").splitlines() if line.startswith("pip install"))
    assert (first, second) == ("pip install . && deltarule train digits", "pip install '.[test]' && pytest")


def test_pages_speak_of_no_place_on_a_machine():
    for page in PAGES:
        found = re.search(r"(?<![\w.~])/(home|root|work|Users)/\w+", page.read_text(encoding="utf-8"))
        assert not found, f"{name_of(page)}: {found}"


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_examples_run(example, tmp_path):
    done = subprocess.run([sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_contributing_lists_every_script():
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `scripts/([\w-]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(each.name for each in (CHECKOUT / "scripts").iterdir() if each.is_file())
