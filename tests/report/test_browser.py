"""The page in a Chromium, on a desk and on a phone: what it shows, by mouse and by keyboard."""

import json
import os
import shutil

import pytest

from jaxgan.report import page, serving
from tests.report.made import line, result, run
from tests.report.test_command import served  # noqa: F401

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("JAXGAN_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        # Without its sandbox: it refuses to have one where root runs it, as in a container.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Opens a page; at the end nothing may have gone wrong in it, or been asked of a network."""
    told, contexts = [], []

    def open_page(address, width, **settings):
        context = chromium.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        view = context.new_page()
        view.set_default_timeout(120_000)
        view.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else 0)
        view.on("pageerror", lambda error: told.append(str(error)))
        local = ("data:", "file:", f"http://{serving.HOST}:")
        view.on("request", lambda r: told.append(r.url) if not r.url.startswith(local) else 0)
        view.goto(address)
        return view

    yield open_page
    for context in contexts:
        context.close()
    assert told == []


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    places = []
    for i in range(6):
        log = [line(s, i + 5 / s, **{"g/loss": -1.0, "d/real_accuracy": 0.5}) for s in range(1, 41)]
        log += [{"step": 40, "eval/frechet": 3.0}, {"step": 40, "alarm/collapse": 1.0}]
        extra = {"pictures": range(0, 50, 10), "results": [result(i)]}
        # Of the last two one arm is made.
        config = {"seed": max(0, i - 4), "batch_size": min(i, 4) + 1}
        places.append(run(folder / f"<i>run_{i}", log, **extra, **config))
    path = folder / "report.html"
    page.write(places, path)
    return path.as_uri()


def sources(view, metric):
    """What Bokeh draws of a metric, once it does."""
    plot = f'.plot[data-metric="{metric}"]'
    view.locator(plot).scroll_into_view_if_needed()
    view.wait_for_function("plot => drawn.get(document.querySelector(plot))?.lines", arg=plot)
    read = """plot => Object.fromEntries(Object.entries(drawn.get(document.querySelector(plot)))
        .map(([name, source]) => [name, JSON.parse(JSON.stringify(source.data))]))"""
    return view.evaluate(read, plot)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_draws(opened, report, width):
    view = opened(report, width)
    assert view.evaluate("document.documentElement.scrollWidth") == width
    drawn = sources(view, "d/loss")
    assert drawn["lines"]["name"] == [*(f"<i>run_{i}" for i in range(4)), "<i>run_4 + <i>run_5"]
    assert len(drawn["bands"]["xs"]) == 1  # of the two seeds
    canvas = view.locator('.plot[data-metric="d/loss"] canvas').first
    box = canvas.bounding_box()
    assert box["width"] > 300
    assert box["x"] + box["width"] <= width
    assert view.locator("h1").inner_text() == "gan_digits: 6 runs in 5 arms"
    assert view.locator("i").count() == 0
    assert view.locator(".strip").count() == 5


def test_controls_by_keyboard(opened, report):
    view = opened(report, 1280)
    before = sources(view, "d/loss")["lines"]["ys"][0]
    view.focus("#smoothing")
    view.keyboard.press("End")
    assert view.locator("#smoothed").inner_text() == "10 % of the steps"
    after = sources(view, "d/loss")["lines"]["ys"][0]
    assert max(after) < max(before)
    view.keyboard.press("Home")
    raw = sources(view, "d/loss")
    assert raw["lines"]["ys"][0] == pytest.approx([5 / s for s in range(1, 41)], rel=1e-4)
    view.focus(".shown >> nth=0")
    view.keyboard.press("Space")
    assert "<i>run_0" not in sources(view, "d/loss")["lines"]["name"]
    view.focus("#log")
    view.keyboard.press("Space")
    assert len(sources(view, "d/loss")["lines"]["xs"]) == 4
    # None of its values is positive: an empty chart, and no error.
    assert len(sources(view, "g/loss")["lines"]["xs"]) == 4
    view.focus("figure.chart summary >> nth=0")
    view.keyboard.press("Enter")
    assert view.locator("figure.chart table >> nth=0").is_visible()


def test_samples_by_keyboard(opened, report):
    view = opened(report, 390)
    shown = view.locator(".strip img[data-step]:not([hidden])")
    steps = "images => images.map((image) => image.dataset.step)"
    assert shown.evaluate_all(steps) == ["40"] * 5
    view.focus("#step")
    view.keyboard.press("ArrowLeft")
    assert shown.evaluate_all(steps) == ["30"] * 5
    assert view.locator("#at").inner_text() == "30"
    assert shown.evaluate_all("images => images.every((image) => image.naturalWidth > 0)")


def test_a_finger_scrolls_over_a_chart(opened, report):
    view = opened(report, 390, has_touch=True, is_mobile=True)
    sources(view, "d/loss")
    box = view.locator('.plot[data-metric="d/loss"] canvas').first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before, touch = view.evaluate("scrollY"), view.context.new_cdp_session(view)
    for kind, at in (("touchStart", 0), *(("touchMove", 10 * i) for i in range(1, 10))):
        point = {"x": x, "y": y - at}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    view.wait_for_function("before => scrollY > before + 30", arg=before)


def test_it_follows_a_run(opened, served):  # noqa: F811
    place, pages, port = served
    view = opened(f"http://{serving.HOST}:{port}/", 1280)
    assert sources(view, "d/loss")["lines"]["xs"] == [[10]]
    view.evaluate("document.getElementById('smoothing').value = 5")
    view.dispatch_event("#smoothing", "input")
    pages.rest = 0.0
    with view.expect_navigation(), (place / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line(20)) + "\n")
    assert sources(view, "d/loss")["lines"]["xs"] == [[10, 20]]
    assert view.locator("#smoothing").input_value() == "5"
