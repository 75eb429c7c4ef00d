"""A browser for the tests of the page: the system's Chromium, driven by Playwright."""

import contextlib
import json
import shutil
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STROKES = json.loads((Path(__file__).parent / "digits_strokes.json").read_text(encoding="utf-8"))
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1200, "height": 900}}


@contextlib.contextmanager
def browser():
    """Give a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextlib.contextmanager
def page_of(opened, url, script="", **options):
    """Give a page, before whose scripts one has run; its errors and requests to other hosts are failures at the end."""
    home = url.partition("#")[0]
    context = opened.new_context(**{**DESK, **options})
    page = context.new_page()
    if script:
        page.add_init_script(script)
    faults = []
    page.on("console", lambda message: message.type in {"error", "warning"} and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: request.url.startswith(home) or faults.append(f"request to {request.url}"))
    page.goto(url)
    try:
        yield page
    finally:
        context.close()
        assert not faults, faults


def draw(page, strokes, size=0.8, left=0.1, top=0.1):
    """Draw strokes of 100 units on the pad with the mouse, in a box of it."""
    box = page.locator(".pad").bounding_box()

    def at(point):
        return (
            box["x"] + box["width"] * (left + size * point[0] / 100),
            box["y"] + box["height"] * (top + size * point[1] / 100),
        )

    for stroke in strokes:
        page.mouse.move(*at(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*at(point))
        page.mouse.up()
