"""Every page of the site that stands in ``build/docs/html``: its links, and in a browser what it looks like.

``python -m docs`` builds it; without it there is nothing to check.
"""

import functools
import http.server
import threading
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlparse

import pytest
from chromium import chromium

SITE = Path(__file__).parents[2] / "build" / "docs" / "html"
NAMES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
SHOWN = [name for name in NAMES if not name.startswith("_modules/") or name == "_modules/minidl/engine/core.html"]
SCREENS = [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")]
SEARCHED = [(390, "light"), (1280, "dark")]  # by axe, which takes longer than all else
# How far the page, or its text, which a phone would move sideways, is wider than its place.
BESIDE = """() => Math.max(...["html", ".content"].flatMap((name) => [...document.querySelectorAll(name)])
  .map((one) => one.scrollWidth - one.clientWidth))"""
# Leaves one of each kind: what has the tag, attributes, classes, style and text-or-none of something before it, in the
# same kind of parent, is taken out, unless a link, button or drawing that stays is made of it; so axe goes over some
# hundreds of elements of the API's pages instead of thousands.
ONE_OF_EACH_KIND = """() => {
  const kinds = new Map([["", 0]]), kept = new Set();
  const text = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const visit = (one, parent) => {
    const values = ["class", "role", "style", "type"].map((name) => one.getAttribute(name));
    const kind = JSON.stringify([parent, one.tagName, one.getAttributeNames(), values, text(one)]);
    if (!kinds.has(kind)) {
      kinds.set(kind, kinds.size);
      for (let up = one; up && !kept.has(up); up = up.parentElement) kept.add(up);
      for (const part of one.closest("a, button, select, svg")?.querySelectorAll("*") ?? []) kept.add(part);
    }
    for (const child of one.children) visit(child, kinds.get(kind));
  };
  visit(document.body, 0);
  const others = "dt, dd, label, legend, caption"; // what another needs that may be kept
  for (const one of document.body.querySelectorAll(`*:not(${others})`)) if (!kept.has(one)) one.remove();
}"""
pytestmark = [pytest.mark.deep, pytest.mark.skipif(not NAMES, reason="build the site first: python -m docs")]


class Page(HTMLParser):
    """A page's places, its links, and what it loads; images without words for who can't see them."""

    def __init__(self, name):
        super().__init__()
        self.places, self.links, self.loaded, self.wordless = {""}, [], [], []
        self.feed((SITE / name).read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in found:
            self.loaded.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "icon"):
            self.loaded.append(found["href"])
        if tag == "img" and not found.get("alt"):
            self.wordless.append(found.get("src", "")[:80])


page = functools.cache(Page)


def inside(name, address):
    """The page and the place that a link leads to; None for one that leaves the site."""
    found = urlparse(urljoin(f"/{name}", address))
    return None if found.scheme or found.netloc else (unquote(found.path[1:]) or "index.html", unquote(found.fragment))


def test_no_link_is_dead():
    dead = []
    for name in NAMES:
        for address in page(name).links:
            target = inside(name, address)
            if target and (target[0] not in NAMES or target[1] not in page(target[0]).places):
                dead.append(f"{name} → {address}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere():
    loaded = {
        (name, inside(name, address)) for name in NAMES for address in page(name).loaded if address[:5] != "data:"
    }
    assert [name for name, target in loaded if target is None or not (SITE / target[0]).is_file()] == []


def test_every_image_has_words():
    assert [(name, page(name).wordless) for name in NAMES if page(name).wordless] == []


@pytest.mark.parametrize("wanted", [
    ("index.html", "two-commands"), ("lessons/01_gradient.html", ""), ("api/minidl.nn.html", "minidl.nn.Conv2d"),
    ("index.html", "check-a-gradient-of-your-own"), ("api/minidl.autograd.html", "minidl.autograd.gradcheck"),
])  # fmt: skip
def test_three_clicks_from_the_front_page(wanted):
    """How to install, the first lesson, a layer, a check of an own gradient."""
    clicks, pending = {("index.html", ""): 0}, deque([("index.html", "")])
    while pending and wanted not in clicks:
        here = pending.popleft()
        targets = [inside(here[0], address) for address in page(here[0]).links]
        for target in targets:
            if target and target not in clicks:
                clicks[target] = clicks[here] + 1
                pending.append(target)
    assert clicks[wanted] <= 3


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def address():
    """Where this machine shows the site to itself."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def seen(browser, address):
    """A page of the browser, and what is wrong with what it shows: it complains, or asks another host for something."""
    page, wrong = browser.new_page(reduced_motion="reduce"), []
    own = (address, "data:", "blob:", "about:")
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(f"asks for {asked.url}"))
    yield page, wrong
    page.close()


def turned(page, width, scheme):
    """Put what is shown on another screen."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)


def found_by(axe, page):
    """What keeps people from using a page."""
    return [
        f"{found['id']} ×{len(found['nodes'])}: {found['nodes'][0]['html'][:200]}"
        for found in axe.run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_in_a_browser(name, seen, address):
    """On phones and on desktops, light and dark; loaded once."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'minidl[browser]'").Axe()
    page, complaints = seen
    page.goto("about:blank")  # the page before it has lost elements that its code looks for
    complaints.clear()
    turned(page, *SCREENS[0])
    page.goto(f"{address}/{name}")
    wrong = {}
    for screen in SCREENS:
        turned(page, *screen)
        beside = page.evaluate(BESIDE)
        wrong[screen] = [f"{beside} pixels beside the screen"] * (beside > 0)
    heard = list(complaints)
    page.evaluate(ONE_OF_EACH_KIND)
    for screen in SEARCHED:
        turned(page, *screen)
        wrong[screen] += found_by(axe, page)
    assert not heard and not any(wrong.values()), (heard, wrong)


def test_the_walk_back_moves(browser, address):
    """By buttons, by keys and by a click on an op; the picture changes, and the ends are ends."""
    seen = browser.new_page()
    seen.goto(f"{address}/backward.html")
    place = seen.locator(".scrubber").first
    said, now = place.locator("output"), place.locator("[aria-current]")
    assert said.inner_text() == "step 1 of 10" and now.inner_text() == "div"
    assert place.get_by_text("◀ back").is_disabled()
    place.get_by_text("on ▶").click()
    assert now.inner_text() == "sum"
    place.get_by_label("step", exact=True).press("End")
    assert said.inner_text() == "step 10 of 10" and place.get_by_text("on ▶").is_disabled()
    assert place.get_by_text("ops/").count() >= 1 and place.locator("img").count() >= 2
    place.get_by_role("button", name="log_softmax").click()
    assert now.inner_text() == "log_softmax"
    layers = seen.locator(".scrubber").last.get_by_label("jump to layer")
    layers.select_option("features.0")
    assert seen.locator(".scrubber").last.locator("em").inner_text() == "features.0"
    seen.close()
