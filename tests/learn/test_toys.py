"""What lessons look at: points, a photograph, a table, and figures, read back from matplotlib."""

import matplotlib.pyplot
import numpy as np
import pytest

import minidl as md
from minidl.learn import photographs, plots, tables, toys
from minidl.profiler import Average, Peaks


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


def test_two_moons_lie_on_their_arcs():
    points, labels = toys.two_moons(60, np.random.default_rng(0), noise=0)
    upper, lower = points[labels == 1], points[labels == -1]
    assert len(upper) == len(lower) == 30
    np.testing.assert_allclose((upper**2).sum(1), 1)
    np.testing.assert_allclose(((lower - [1, 0.5]) ** 2).sum(1), 1)
    assert (upper[:, 1] >= 0).all() and (lower[:, 1] <= 0.5).all()


def test_two_moons_by_seed_and_noise():
    same = [toys.two_moons(10, np.random.default_rng(3))[0] for _ in range(2)]
    np.testing.assert_array_equal(*same)
    still = toys.two_moons(1000, np.random.default_rng(3), noise=0)[0]
    assert (toys.two_moons(1000, np.random.default_rng(3), noise=0.2)[0] - still).std() == pytest.approx(0.2, abs=0.02)


def test_the_photograph_is_one():
    picture = photographs.grace_hopper(40)
    assert picture.shape == (40, 40)
    assert 0 <= picture.min() < 0.1 and 0.9 < picture.max() <= 1
    assert picture[12:14, 14:28].mean() < 0.3 < picture[20:34, 14:28].mean()  # a cap is darker than a face
    red, green, blue = in_color = photographs.grace_hopper(40, color=True)
    assert in_color.shape == (3, 40, 40) and 0 <= in_color.min() < 0.1 and 0.9 < in_color.max() <= 1
    assert np.abs(0.299 * red + 0.587 * green + 0.114 * blue - picture).max() < 0.02
    assert red[20:34, 14:28].mean() > blue[20:34, 14:28].mean() + 0.1  # a face, before a blue wall
    assert blue[4:8, 30:36].mean() > red[4:8, 30:36].mean() + 0.1


def test_cars():
    """As UCI and its readers count them: 392 without gaps, of 398."""
    cars = tables.cars()
    assert cars.names == [
        "cylinders", "displacement", "horsepower", "weight", "acceleration", "year", "mpg", "origin"
    ]  # fmt: skip
    assert len(cars) == 392 and not any(cars.missing().values())
    assert dict(zip(*np.unique(cars["origin"].astype(str), return_counts=True), strict=True)) == {
        "Europe": 68, "Japan": 79, "USA": 245
    }  # fmt: skip
    assert (cars["weight"].min(), cars["weight"].max(), cars["mpg"].min(), cars["mpg"].max()) == (1613, 5140, 9, 46.6)
    assert cars["year"].min() == 70 and (np.diff(cars["year"]) >= 0).all()
    chevelle = {name: cars[name][0] for name in cars.names}
    assert chevelle == dict(
        cylinders=8, displacement=307, horsepower=130, weight=3504, acceleration=12, year=70, mpg=18, origin="USA"
    )


def test_errors():
    (axes,) = plots.errors(np.array([0.1, 0.01]), {"a": np.array([1e-2, 0.0]), "b": np.array([1.0, 2.0])}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [1, 2])


def test_regions_have_their_answers():
    points, labels = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([1.0, -1.0])
    figure = plots.regions(points, labels, lambda x, y: np.tanh(x - y))
    axes = figure.axes[0]
    places = [collection.get_offsets() for collection in axes.collections if len(collection.get_offsets()) == 1]
    np.testing.assert_allclose([place[0] for place in places if np.any(place)], [[1.0, 1.0]])
    assert axes.get_xlim() == pytest.approx((-0.3, 1.3))


def test_templates_share_one_scale_about_0():
    figure = plots.templates(np.stack([np.full((2, 2), 0.5), np.full((2, 2), -2.0)]), columns=2)
    images = [axes.images[0] for axes in figure.axes]
    assert [image.get_clim() for image in images] == [(-2, 2)] * 2
    assert [axes.get_title() for axes in figure.axes] == ["0", "1"]
    assert plots.templates(np.ones((2, 2, 2)), ["a", "b"]).axes[1].get_title() == "b"


@pytest.mark.parametrize("channels", [1, 3])
def test_album_has_a_row_for_each_name(channels):
    rows = {name: np.random.default_rng(len(name)).random((2, channels, 3, 4)) for name in ("a", "bcd", "ef")}
    (axes,) = plots.album(rows | {"ef": md.tensor(rows["ef"])}).axes
    sheet = axes.images[0].get_array().reshape(15, 12, channels)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "bcd", "ef"]
    for middle, images in zip(axes.get_yticks(), rows.values(), strict=True):
        for column, image in enumerate(images):
            framed = sheet[int(middle) - 2 : int(middle) + 3, 6 * column : 6 * column + 6]
            np.testing.assert_array_equal(framed[1:-1, 1:-1], image.transpose(1, 2, 0))
            assert (framed[[0, -1]] == 1).all() and (framed[:, [0, -1]] == 1).all()
    assert axes.images[0].get_clim() == (0, 1)


def test_series():
    (axes,) = plots.series({"loss": [3.0, 2.0, 1.0]}, "step", "height").axes
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_ylim()[0]) == ("step", "height", 0)


def test_filtered_has_signs_where_there_are_some():
    edge, grey = np.array([[-1.0, 1.0]]), np.array([[0.5, 0.7]])
    figure = plots.filtered(grey, {"edge": edge, "box": grey})
    images = [axes.images[0] for axes in figure.axes]
    assert [image.get_cmap().name for image in images] == ["gray", "RdBu", "gray"]
    assert images[1].get_clim() == (-1, 1)


def test_matrix_and_fields():
    (axes,) = plots.matrix(np.array([[0.0, -3.0]]), "pixel", "output").axes
    assert axes.images[0].get_clim() == (-3, 3)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pixel", "output")
    first, second = plots.fields({"a": np.array([[0.0, -2.0]]), "b": np.array([[4.0, 1.0]])}).axes
    np.testing.assert_allclose(first.images[0].get_array(), [[0, 1]])
    np.testing.assert_allclose(second.images[0].get_array(), [[1, 0.25]])


def test_compared_smooths_and_colours_by_family():
    lines = {"plain, 1": [4.0, 2.0, 0.0], "plain, 2": [1.0, 1.0, 1.0], "normed, 1": [0.0, 1.0, 2.0]}
    (axes,) = plots.compared(lines, "step", "loss", window=2).axes
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[2, 3], [3, 1]])
    first, second, other = (line.get_color() for line in axes.lines)
    assert first[0] > first[2] and second[0] > second[2] and other[2] > other[0]  # oranges, and a blue
    assert sum(second[:3]) < sum(first[:3])  # darker
    assert [line.get_linewidth() for line in axes.lines] == pytest.approx([3, 2.1, 1.2])  # no line hides an equal one
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines)
    assert all(place == int(place) for place in axes.get_xticks())
    assert sum(first[:3]) > sum(other[:3]) > sum(second[:3])  # who is alone is neither light nor dark


@pytest.mark.parametrize("least, bottom", [(0.9, 0), (1.1, None)])
def test_compared_leaves_no_empty_half(least, bottom):
    (axes,) = plots.compared({"a": [2.0, least]}, "step", "loss", window=1).axes
    assert axes.get_ylim()[0] == (pytest.approx(least, rel=0.1) if bottom is None else bottom)


def test_one_style():
    for figure in (plots.series({"a": [1.0]}, "", ""), plots.curves([1.0], [0.1]), plots.weights({"a": md.ones(2)})):
        for axes in figure.axes:
            assert [axes.spines[side].get_visible() for side in ("top", "right", "left", "bottom")] == [0, 0, 1, 1]
            assert axes.xaxis.label.get_fontsize() == 9
    assert axes.title.get_fontsize() == 9
    first, second = plots.series({"a": [1.0], "b": [2.0]}, "", "").axes[0].lines
    assert (first.get_color(), second.get_color()) == (plots.BLUE, plots.RED)


def test_paths_and_layers():
    way = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 0.0]])
    figure = plots.paths({"a": way, "b": way[:2]}, lambda x, y: x**2 + y**2, (-1, 3), (-2, 2))
    assert [axes.get_title() for axes in figure.axes] == ["a, 3 steps", "b, 2 steps"]
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes] == [("x", "y"), ("x", "")]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), way)
    figure = plots.layers({"small": [np.zeros(9), np.full(9, 0.96)], "large": [np.ones(9), -np.ones(9)]})
    assert [axes.get_title() for axes in figure.axes] == ["layer 1", "layer 2", "", ""]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "output", "output"]
    counts = [axes.patches[0].get_data().values for axes in figure.axes]
    assert [np.flatnonzero(count).tolist() for count in counts] == [[20], [39], [39], [0]]
    assert [count.sum() for count in counts] == [9, 9, 9, 9]
    for most, bound in ((2.5, 3), (10.0, 10), (421.0, 500)):  # one digit, rounded up
        (axes,) = plots.layers({"relu": [np.array([0.0, most, most])]}).axes
        assert axes.get_xticks().tolist() == [-bound, 0, bound]


def test_weights():
    spread = md.tensor([0.0, 0.0005, 0.5, -0.5])
    figure = plots.weights({"a": spread, "b": md.ones(2, 2)})
    assert [axes.get_title() for axes in figure.axes] == ["a: 50% below 0.001", "b: 0% below 0.001"]
    assert figure.axes[0].get_yscale() == "log"
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 4


def test_maps_are_the_strongest_channels_of_each_layer():
    image = np.arange(12.0).reshape(3, 2, 2) / 12
    output = np.array([1.0, 4.0, 2.0])[:, None, None] * np.ones((3, 1, 1))
    figure = plots.maps(image, {"first": output, "second": output[:1]}, columns=2)
    grid = np.array(figure.axes).reshape(2, 3)
    assert np.array_equal(grid[0, 0].images[0].get_array(), image.transpose(1, 2, 0))
    assert [axes.images[0].get_array().item() for axes in (*grid[0, 1:], grid[1, 1])] == [4, 2, 1]
    assert [axes.get_title(loc="left") for axes in grid[:, 1]] == ["first", "second"]
    assert not grid[1, 0].images and not grid[1, 2].images and not any(axes.axison for axes in figure.axes)
    assert np.allclose(figure.get_size_inches(), (3.9, 2.7))


def test_lines_side_by_side():
    rising = dict(lines={"a": (range(1, 4), [1.0, 2.0, 4.0]), "b": (range(11), range(11))}, xlabel="epoch", ylim=(0, 9))
    left, right = plots.lines(rising, dict(lines={"c": ([0.1, 10.0], [3, 5])}, ylabel="error, %", xscale="log")).axes
    first, second = left.lines
    assert (first.get_xdata().tolist(), first.get_ydata().tolist()) == ([1, 2, 3], [1, 2, 4])
    assert (first.get_marker(), second.get_marker()) == ("o", "")  # few points are seen one by one
    assert sum(map(float, first.get_color()[:3])) < sum(map(float, second.get_color()[:3]))
    assert first.get_linewidth() > second.get_linewidth()  # which does not hide it, where they are equal
    assert (left.get_xlabel(), left.get_ylim(), left.get_xscale()) == ("epoch", (0, 9), "linear")
    assert all(float(tick).is_integer() for tick in left.get_xticks())
    assert (right.get_ylabel(), right.get_xscale(), right.lines[0].get_ydata().tolist()) == ("error, %", "log", [3, 5])
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["a", "b"] and right.get_legend() is None
    (alone,) = plots.lines(rising).axes
    assert alone.figure.get_size_inches().tolist() == [4.6, 3.6]


def test_ops_under_the_roof():
    """Where they stand, the longest first; those that compute or move nothing are left out."""
    averages = [
        Average("small", 1, 1e3, 1e3, flops=100_000, bytes=1_000_000),  # in microseconds
        Average("large", 2, 9e3, 4e3, flops=9_000_000_000, bytes=90_000_000),
        Average("view", 1, 5e3, 5e3),
        Average("rare", 1, 1.0, 1.0, flops=1, bytes=1),
    ]
    (axes,) = plots.roofline(Peaks(2e12, 1e11), averages, most=2).axes
    marks = [(collection.get_label(), *collection.get_offsets()[0]) for collection in axes.collections]
    assert marks == [("large", 100, pytest.approx(1000)), ("small", 0.1, pytest.approx(0.1))]
    large, small = (collection.get_sizes()[0] for collection in axes.collections)
    assert large == 330 and small == 30 + 75
    intensities, roof = axes.lines[0].get_data()
    np.testing.assert_allclose(roof, np.minimum(2000, 100 * intensities))
    assert intensities[0] < 0.05 and intensities[-1] > 100
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["the roof", "large", "small"]


def test_searches_stand_over_the_errors_of_all():
    """Rates go to the right, the other upwards; above and beside are the means over the other of them."""
    table, rates, decays = np.arange(6).reshape(3, 2) / 10, np.geomspace(0.01, 1, 3), np.array([1e-3, 1e-1])
    found = {"grid": [[0.01, 0.01], [1e-3, 1e-1]], "random": [[0.1, 1.0], [1e-3, 1e-3]]}
    figure = plots.searches(table, rates, decays, found, "decay")
    top, corner, other, _, main, side, *_ = figure.axes
    assert [axes.get_title() for axes in (top, other)] == ["grid: 1 rates in 2 trials", "random: 2 rates in 2 trials"]
    errors, marks = main.collections
    np.testing.assert_allclose(errors.get_array(), [[0, 20, 40], [10, 30, 50]])
    assert errors.get_clim() == (0, 100) and not corner.axison
    assert marks.get_offsets().tolist() == [[0.01, 1e-3], [0.01, 1e-1]]
    assert main.get_xscale() == main.get_yscale() == "log" and main.get_ylabel() == "decay"
    (means, tried), (others, drawn) = top.lines, side.lines
    np.testing.assert_allclose(means.get_xydata(), np.stack([rates, [5, 25, 45]], 1))
    np.testing.assert_allclose(others.get_xydata(), np.stack([[20, 30], decays], 1))
    assert tried.get_xydata().tolist() == [[0.01, 0], [0.01, 0]]
    assert drawn.get_xydata().tolist() == [[0, 1e-3], [0, 1e-1]]


def test_bands_hold_eight_tenths():
    values = np.stack([np.arange(1.0, 12), np.full(11, 3.0)], 1)
    (axes,) = plots.bands({"a": values, "b": values + 1}, "trials", "error, %").axes
    mean, low, high, other, *_ = (line.get_xydata().tolist() for line in axes.lines)
    assert (mean, other) == ([[1, 6], [2, 3]], [[1, 7], [2, 4]])
    assert axes.get_legend().get_title().get_text() == "mean, and where 80 % lie"
    assert (low[0], high[0]) == ([1, 2], [1, 10]) and len({line.get_color() for line in axes.lines[:3]}) == 1
    first = axes.collections[0].get_paths()[0].vertices
    assert first[first[:, 0] == 1, 1].min() == 2 and first[first[:, 0] == 1, 1].max() == 10
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("trials", "error, %", "log")


def test_landscapes_have_one_scale_and_a_line_at_a_level():
    """The first direction goes to the right."""
    steps = np.linspace(-1, 1, 5)
    slope = np.repeat(np.geomspace(0.1, 10, 5)[:, None], 5, axis=1)
    figure = plots.landscapes({"a": slope, "b": 10 * slope}, steps, "loss", 1.0)
    left, right, bar = figure.axes
    assert (left.get_title(), right.get_title(), bar.get_ylabel()) == ("a", "b", "loss")
    assert bar.yaxis.label.get_size() == left.xaxis.label.get_size()
    assert bar.get_yticklabels()[0].get_size() == left.get_yticklabels()[0].get_size()
    assert [axes.collections[0].get_clim() for axes in (left, right)] == [pytest.approx((0.1, 100))] * 2
    line = left.collections[2].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 0, atol=1e-9)
    assert line[:, 1].min() == -1 and line[:, 1].max() == 1
    assert matplotlib.colors.to_hex(left.collections[2].get_edgecolor()[0]) == plots.RED.lower()
    assert left.lines[0].get_xydata().tolist() == [[0, 0]]
