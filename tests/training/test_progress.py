"""Progress is shown where a person sees it, seldom enough to cost nothing, and nowhere else."""

from __future__ import annotations

import importlib.util
import os
import pty
import subprocess
import sys
import time

import pytest

import deltarule as dr
from deltarule.training.progress import Progress, surface

SLOW = """
import time, deltarule as dr
dr.train(dr.Recipe(epochs=8, stopping=None), dr.load_dataset("iris"), on_epoch=lambda epoch: time.sleep(0.1), {})
"""


class Recorded:
    def __init__(self):
        self.lines, self.last = [], None

    def show(self, line, fraction):
        self.lines.append((line, fraction))

    def close(self, line):
        self.last = line


def epoch(number, validation=0.9):
    return dr.Epoch(number, 0.5, 0.5, 0.8, 0.4, 0.4, validation, 0.1)


def test_it_starts_after_half_a_second_and_updates_ten_times_a_second():
    now, shown = [0.0], Recorded()
    progress = Progress(1000, "accuracy", shown, clock=lambda: now[0])
    for number in range(1, 1001):
        now[0] = number / 1000 * 2.0
        progress.epoch(epoch(number))
    assert 14 <= len(shown.lines) <= 16
    line, fraction = shown.lines[0]
    assert line == "epoch 250 of 1000 · validation loss 0.4000, accuracy 90.0 % · 0.5 s"
    assert fraction == 0.25
    progress.close("ended")
    assert shown.last.startswith("ended after epoch 1000 of 1000")


def test_short_training_shows_nothing():
    shown = Recorded()
    progress = Progress(5, "R²", shown, clock=lambda: 0.2)
    progress.epoch(epoch(5, float("nan")))
    progress.close("ended")
    assert (shown.lines, shown.last) == ([], None)


def test_an_update_costs_less_than_a_thousandth_of_the_time_between_two():
    progress = Progress(5, "R²", Recorded())
    progress.epoch(epoch(1))
    start = time.perf_counter()
    for _ in range(1000):
        progress.tick()
    assert (time.perf_counter() - start) / 1000 < 0.05 / 1000


def test_nothing_is_shown_in_tests():
    assert surface() is None


@pytest.mark.parametrize(("argument", "shows"), [("progress=None", False), ("progress=True", True)])
def test_a_pipe_shows_nothing_unless_asked(argument, shows):
    done = subprocess.run([sys.executable, "-c", SLOW.format(argument)], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert ("epoch" in done.stderr) == shows


@pytest.mark.parametrize(("argument", "shows"), [("progress=None", True), ("progress=False", False)])
def test_a_terminal_shows_a_line_that_is_cleared(argument, shows):
    parent, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", SLOW.format(argument)], stderr=child, stdout=subprocess.PIPE)
    os.close(child)
    shown = b""
    while True:
        try:
            block = os.read(parent, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(parent)
    assert process.communicate()[0] == b""
    assert process.returncode == 0
    assert (b"of 8" in shown) == shows
    assert shown.endswith(b"\r\x1b[2K") == shows


def test_a_notebook_shows_a_line_that_is_updated(monkeypatch):
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed")
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    from deltarule.training.progress import Notebook

    shell = InteractiveShell.instance()
    monkeypatch.setattr(type(shell), "kernel", object(), raising=False)
    assert isinstance(surface(), Notebook)
    with capture_output() as captured:
        line = surface()
        line.show("epoch 1 of 2", 0.5)
        line.close("ended")
    first, last = captured.outputs
    assert first.data["text/plain"] == "epoch 1 of 2"
    assert "<progress" in first.data["text/html"]
    assert last.data["text/html"].endswith(">ended</span>")
