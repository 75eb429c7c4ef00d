"""The page in a real browser: drawings, races, the address, a phone; no error, and no request to another host."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.web.browser import CHROMIUM, PHONE, STROKES, browser, draw, page_of
from tests.web.conftest import running

pytest.importorskip("playwright", reason="no Playwright: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
STATIC = Path(__file__).parents[2] / "src" / "deltarule" / "web" / "static"
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running({}, runs=tmp_path_factory.mktemp("runs")) as client:
        yield f"http://127.0.0.1:{client.port}/"


@pytest.fixture(scope="module")
def opened():
    with browser() as found:
        yield found


def test_drawn_digits_are_recognised_and_an_example_is_learned(server, opened):
    right = 0
    places = ((0.8, 0.1, 0.1), (0.4, 0.05, 0.5), (0.6, 0.35, 0.2))
    with page_of(opened, server) as page:
        page.get_by_text("Model digits").wait_for(timeout=PATIENCE)
        for number, (label, strokes) in enumerate(STROKES.items()):
            page.get_by_role("button", name="Clear").click()
            draw(page, strokes, *places[number % 3])
            page.locator(".bars .best").wait_for(timeout=PATIENCE)
            page.locator(".bars[aria-busy=false]").wait_for(timeout=PATIENCE)
            right += page.locator(".bars .best .name").text_content() == label
        assert right >= 9
        assert page.get_by_role("img", name="Pixels for (orange) and against (blue)").is_visible()
        page.get_by_role("button", name="Clear").click()
        draw(page, STROKES["4"])
        page.get_by_role("group", name="The right class").get_by_role("button", name="4", exact=True).click()
        page.get_by_text("Trained on your example").wait_for(timeout=PATIENCE)


def test_a_race_and_its_address(server, opened):
    with page_of(opened, server) as page:
        page.get_by_role("link", name="Race").click()
        page.get_by_label("Epochs", exact=True).fill("12")
        page.get_by_label("Seeds", exact=True).fill("2")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Finished after 12 epochs").wait_for(timeout=PATIENCE)
        assert page.locator("canvas.surface").count() == 4
        for chart in page.locator("canvas.chart").all():
            assert len(set(chart.screenshot())) > 50
        page.get_by_role("button", name="Recipe").first.click()
        page.get_by_text("deltarule train moons --epochs 12").wait_for()
        page.get_by_label("Data", exact=True).select_option("spiral")
        page.get_by_role("button", name="Remove").first.click()
        address = page.url
        page.reload()
        assert page.get_by_label("Data", exact=True).input_value() == "spiral"
        assert page.get_by_label("Epochs", exact=True).input_value() == "12"
        assert page.locator(".variant").count() == 3
        assert page.url == address


def test_the_end_of_a_race_is_shown_by_a_slow_browser(server, opened):
    # Several frames arrive before one is painted.
    slow = "window.requestAnimationFrame = (paint) => setTimeout(paint, 700);"
    with page_of(opened, server, script=slow) as page:
        page.get_by_role("link", name="Race").click()
        page.get_by_label("Epochs", exact=True).fill("12")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Finished after 12 epochs").wait_for(timeout=PATIENCE)
        assert page.locator(".findings h3").count() == 4


def colours(canvas):
    """The number of pixels that are more blue than orange, and the others, of a decision surface."""
    return canvas.evaluate(
        """(canvas) => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let blue = 0;
            for (let place = 0; place < data.length; place += 4) blue += data[place + 2] > data[place];
            return [blue, data.length / 4 - blue];
        }"""
    )


def test_variants_are_removed_and_added_during_a_race(server, opened):
    # A network that learns nothing gives one class everywhere; its picture must stay on its card.
    learns, idle = "optimizer=adam&learning_rate=0.01&hidden=8", "optimizer=sgd&learning_rate=1e-12&hidden=8"
    asked = "&".join(f"v={quote(each)}" for each in (idle, learns, idle))
    with page_of(opened, f"{server}#race?data=moons&epochs=600&seeds=1&speed=20&{asked}") as page:
        page.get_by_role("button", name="Start").click()
        page.get_by_text(re.compile(r"Epoch [1-9]\d+ of 600")).wait_for(timeout=PATIENCE)
        cards = page.locator(".variant")
        cards.nth(1).get_by_text("More settings").click()
        cards.nth(0).get_by_role("button", name="Remove").click()
        epoch = page.get_by_role("status").text_content()
        page.wait_for_function("(before) => document.querySelector('[role=status]').textContent !== before", arg=epoch)
        assert cards.nth(0).get_by_label("Optimizer").input_value() == "adam"
        assert cards.nth(0).get_by_role("heading", level=2).text_content() == "Variant 1"
        assert min(colours(cards.nth(0).locator("canvas.surface"))) > 300
        page.get_by_role("button", name="Add a variant").click()
        assert cards.nth(0).get_by_label("L2").is_visible()
        assert cards.nth(2).get_by_text("Not started").is_visible()
        assert cards.nth(2).locator("canvas").count() == 0
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("Stopped after").wait_for(timeout=PATIENCE)
        scores = [cards.nth(place).locator(".result").text_content() for place in (0, 1)]
        assert float(scores[0].split("score ")[1].rstrip(" %")) > float(scores[1].split("score ")[1].rstrip(" %"))


def test_a_csv_file_is_dropped(server, opened):
    rows = "\n".join(f"{n},{n * 7 % 11},{'ab'[n > 30]}" for n in range(60))
    with page_of(opened, f"{server}") as page:
        page.get_by_role("link", name="Race").click()
        page.locator(".variant").first.wait_for()
        # A file cannot be dragged into a headless browser; the page gets the event that dropping one causes.
        transfer = page.evaluate_handle(
            """(text) => {
                const data = new DataTransfer();
                data.items.add(new File([text], "points.csv", { type: "text/csv" }));
                return data;
            }""",
            f"x,y,kind\n{rows}\n",
        )
        page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
        page.get_by_text("points.csv was read").wait_for()
        assert page.get_by_label("Column to predict").input_value() == "kind"
        page.get_by_label("Epochs", exact=True).fill("3")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("Finished after 3 epochs").wait_for(timeout=PATIENCE)
        assert page.locator("canvas.surface").count() == 4


def test_a_phone_in_chinese(server, opened):
    with page_of(opened, server, locale="zh-CN", color_scheme="dark", **PHONE) as page:
        pad = page.locator(".pad")
        pad.wait_for()
        box = pad.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.locator(".bars .best").wait_for(timeout=PATIENCE)
        assert page.get_by_role("heading", level=1).text_content() == "写一个数字"
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        page.get_by_role("button", name="English").click()
        assert page.get_by_role("heading", level=1).text_content() == "Draw a digit"


def test_the_keyboard_draws(server, opened):
    with page_of(opened, server) as page:
        page.get_by_text("Model digits").wait_for(timeout=PATIENCE)
        page.locator(".pad").focus()
        page.keyboard.press(" ")
        for _ in range(15):
            page.keyboard.press("ArrowDown")
        page.locator(".bars .best").wait_for(timeout=PATIENCE)
        page.keyboard.press("Delete")
        assert page.locator(".bars .best").count() == 0


def test_the_page_is_small():
    files = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css"}]
    assert sum(path.stat().st_size for path in files) < 250_000
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300
        assert "http://" not in text
        assert "https://" not in text


def test_both_languages_have_all_texts():
    keys = [
        set(re.findall(r"(\w+): \"", (STATIC / "text" / f"{name}.js").read_text(encoding="utf-8")))
        for name in ("en", "zh")
    ]
    assert keys[0] == keys[1]
    used = {
        key for path in STATIC.glob("*.js") for key in re.findall(r'\bt\("(\w+)"[,)]', path.read_text(encoding="utf-8"))
    }
    assert used <= keys[0]
