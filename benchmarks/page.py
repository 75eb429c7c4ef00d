"""The page in a browser: frames a second of a race of four, first paint with nothing cached, and sizes.

    python benchmarks/page.py --seconds 10 --starts 10

Needs Playwright and a Chromium of the system. Server and browser share the machine's cores; the browser draws in
software, as there is no graphics processor. A frame counts when the page has drawn all new decision surfaces.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.web.browser import browser

STATIC = Path(__file__).parents[1] / "src" / "deltarule" / "web" / "static"
COUNT = """
    window.painted = [];
    const put = CanvasRenderingContext2D.prototype.putImageData;
    CanvasRenderingContext2D.prototype.putImageData = function (...given) {
        put.apply(this, given);
        const now = Math.round(document.timeline.currentTime);
        if (painted.at(-1) !== now) painted.push(now);
    };
"""
"""Calls of one frame have the same time on the document's timeline."""
RACE = "#race?data={}&epochs=2000&seeds={}"


def frames(page: Any, url: str, data: str, seeds: int, seconds: float) -> list[float]:
    """Return the milliseconds between the frames of a race of four, after its first second."""
    page.goto("about:blank")
    page.goto(url + RACE.format(data, seeds))
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("() => painted.length > 3", timeout=120_000)
    page.wait_for_timeout(1000)
    page.evaluate("painted.length = 0")
    page.wait_for_timeout(1000 * seconds)
    times = page.evaluate("painted")
    page.get_by_role("button", name="Stop").click()
    return [second - first for first, second in itertools.pairwise(times)]


def first_paint(opened: Any, url: str) -> float:
    """Return the milliseconds until the page shows something, in a new browser context, whose cache is empty."""
    context = opened.new_context()
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    shown = float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    context.close()
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--starts", type=int, default=10)
    chosen = parser.parse_args()
    size = sum(path.stat().st_size for path in STATIC.rglob("*") if path.suffix in {".js", ".css"})
    print(f"JavaScript and CSS: {size:,} bytes")
    command = [sys.executable, "-m", "deltarule", "serve", "--port", "0", "--json"]
    with tempfile.TemporaryDirectory() as folder, browser() as opened:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split('"')[3]
            page = opened.new_context(viewport={"width": 1200, "height": 900}).new_page()
            page.add_init_script(COUNT)
            for data, seeds in (("moons", 1), ("moons", 3), ("spiral", 3)):
                gaps = sorted(frames(page, url, data, seeds, chosen.seconds))
                late = gaps[int(0.95 * len(gaps))]
                print(
                    f"Race of four on {data}, {seeds} seeds: {1000 * len(gaps) / sum(gaps):.1f} frames/s, "
                    f"median gap {statistics.median(gaps):.0f} ms, 95th percentile {late:.0f} ms, n = {len(gaps)}, "
                    f"load {os.getloadavg()[0]:.1f}"
                )
            page.close()
            shown = sorted(first_paint(opened, url) for _ in range(chosen.starts))
            print(
                f"First contentful paint, nothing cached: median {statistics.median(shown):.0f} ms, "
                f"most {shown[-1]:.0f} ms, n = {len(shown)}, load {os.getloadavg()[0]:.1f}"
            )
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
