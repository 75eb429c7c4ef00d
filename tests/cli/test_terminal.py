"""What the shell prints on terminals of 60, 80 and 120 columns, with and without colour, and into pipes."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

import deltarule as dr
from deltarule.cli.terminal import (
    PlainConsole,
    console,
    engine_messages,
    messages_of,
    print_facts,
    print_sentence,
    print_table,
    say,
    table_of,
)
from deltarule.native import processor, threads
from deltarule.studies.compare.tables import tables

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1])}
RECIPE = dr.Recipe(network=dr.Network(hidden=(3,)), epochs=2)


@pytest.fixture(scope="module")
def comparison():
    return dr.compare(dr.vary(RECIPE, optimizer="sgd,adam"), dr.load_dataset("iris"), seeds=2)


def printed(renderable, width, *, colour=True):
    """The lines on a terminal of a width, without escape sequences."""
    file = io.StringIO()
    PlainConsole(file=file, width=width, force_terminal=True, no_color=not colour).print(renderable)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_tables_fit_and_lose_nothing(comparison, width, colour):
    for table in tables(comparison):
        numbers = [column for column in table.columns[1:] if column not in table.words]
        lines = printed(table_of(table.columns, table.rows, numbers=numbers), width, colour=colour)
        assert max(map(len, lines)) <= width
        words = " ".join(lines).split()
        for cell in (*table.columns[1:], *(cell for row in table.rows for cell in row)):
            assert set(cell.split()) <= set(words), f"{cell!r} is broken"


def test_a_table_too_wide_for_its_words_is_printed_row_by_row():
    rows = [("breast_cancer", "incomprehensibilities", "1,000 %")] * 2
    table = table_of(("Name", "What", "Much"), rows, numbers=["Much"])
    assert printed(table, 60)[1].split() == ["breast_cancer", "incomprehensibilities", "1,000", "%"]
    blocks = printed(table, 40)
    assert [line.split() for line in blocks] == 2 * [
        ["breast_cancer"],
        ["What", "incomprehensibilities"],
        ["Much", "1,000", "%"],
    ]


def test_a_table_of_few_rows_is_turned_before_its_cells_are_wrapped():
    names = ("Variant", "95 % interval", "Of samples", "Lowest")
    table = table_of(names, [(f"adam {i}", "−1 to 12.25", "3 to 4.25", "2.25 points") for i in "ab"])
    assert printed(table, 60)[0].split() == ["Variant", "95", "%", "interval", "Of", "samples", "Lowest"]
    assert printed(table, 41) == [
        "Variant             adam a       adam b",
        "95 % interval  −1 to 12.25  −1 to 12.25",
        "Of samples       3 to 4.25    3 to 4.25",
        "Lowest         2.25 points  2.25 points",
    ]
    assert len(printed(table_of(names, [*table.rows] * 4), 41)) > 8


def test_a_number_is_not_parted_from_its_percent_sign():
    file = io.StringIO()
    say("An interval of 12.5 % of them", PlainConsole(file=file, width=20, force_terminal=True))
    assert file.getvalue().splitlines() == ["An interval of", "12.5 % of them"]


def test_what_is_piped_is_one_line_each(capsys):
    long = "word " * 100
    print_table(table_of(("Name", "What"), [("a", long)]))
    print_facts({"name": "a", "what it is": long})
    print_sentence(long)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert [line.split()[0] for line in lines] == ["Name", "a", "name:", "what", "word"]
    assert all(line.count("word") == 100 for line in (lines[1], lines[3], lines[4]))


def on_a_terminal(columns, *command, **environment):
    """The lines that a command writes to a terminal of a width."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in ENVIRONMENT.items() if name != "COLUMNS"} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "deltarule", *command], stdin=other, stdout=other, stderr=other, env=env
    )
    os.close(other)
    written = b""
    while True:
        try:
            read = os.read(main, 65536)
        except OSError:
            break
        if not read:
            break
        written += read
    os.close(main)
    assert process.wait() == 0, written
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()).replace("\r", "\n").splitlines()


@pytest.mark.parametrize("environment", [{"TERM": "xterm-256color"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_narrow_terminal(tmp_path, environment):
    model = dr.train(RECIPE, dr.load_dataset("iris"), engine="reference").model.save(tmp_path / "m.safetensors")
    lines = on_a_terminal(60, "show", str(model), **environment)
    assert max(map(len, lines)) <= 60
    assert "(learning_rate=0.001," in " ".join(lines)


def test_compiling_is_said_once_and_only_where_it_happens(monkeypatch, capsys):
    stored = {}
    monkeypatch.setattr(processor, "load_code", stored.get)
    monkeypatch.setattr(processor, "store_code", stored.__setitem__)
    for times in (1, 0):
        with engine_messages(console):
            for kept in (stored.clear, lambda: None) if times else (lambda: None,):
                kept()
                threads._code.__wrapped__()
        assert capsys.readouterr().err.count("Compiling the engine, once on this machine") == times
    with engine_messages(messages_of(command_is_quiet=True)):
        stored.clear()
        threads._code.__wrapped__()
    assert capsys.readouterr().err == ""
