"""Pictures of a training and of what came of it; each function returns a matplotlib Figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.learn.extras import extra

BLUE, RED = "#0072B2", "#D55E00"  # of colours that the colour-blind tell apart (Okabe & Ito, 2008)
TITLE = 9  # points
THICK_TO_THIN = 3, 1.2  # points
STYLE = {
    "axes.prop_cycle": f"cycler('color', ['{BLUE}', '{RED}', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'])",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.4",
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


def canvas(rows: int = 1, columns: int = 1, size: tuple[float, float] = (6.5, 4), **options: Any) -> tuple[Any, Any]:
    """A figure of so many inches, and the grid (rows, columns) of its axes, in the one style of the course."""
    with extra("matplotlib").rc_context(STYLE):
        return extra("matplotlib.pyplot").subplots(
            rows, columns, figsize=size, squeeze=False, layout="constrained", **options
        )


def pane(size: tuple[float, float] = (6.5, 4)) -> tuple[Any, Any]:
    """A figure of one picture, and its axes."""
    figure, ((axes,),) = canvas(size=size)
    return figure, axes


def thinning(count: int) -> np.ndarray:
    """The widths of so many lines, in points: of equal ones, which lie on each other, all can be seen."""
    return np.linspace(*THICK_TO_THIN, count) if count > 1 else np.array([1.5])


def key(figure: Any, shades: Any, label: str, **options: Any) -> None:
    """Beside a figure, what its shades stand for, in the style of its axes."""
    bar = figure.colorbar(shades, **options)
    bar.set_label(label, fontsize=STYLE["axes.labelsize"])
    bar.ax.tick_params(labelsize=STYLE["ytick.labelsize"])


def curves(losses: Sequence[float], errors: Sequence[float]) -> Any:
    """The training loss and the held-out error (a fraction), one of each an epoch."""
    figure, ((left, right),) = canvas(1, 2, (9, 3.5))
    epochs = range(1, len(losses) + 1)
    left.plot(epochs, losses, marker="o")
    right.plot(epochs, [100 * error for error in errors], marker="o", color=RED)
    left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="held-out error, %", ylim=(0, None))
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def confusion(matrix: np.ndarray, classes: Sequence[str]) -> Any:
    """A confusion matrix (labels, predictions), its counts written into a heat map of each row's shares."""
    figure, axes = pane((6.5, 6))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (label, prediction), count in np.ndenumerate(matrix):
        color = "white" if shares[label, prediction] > 0.5 else "black"
        axes.text(prediction, label, count or "", ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="prediction", ylabel="label")
    return figure


def pictures(images: np.ndarray, titles: Sequence[str], columns: int = 6) -> Any:
    """Images (n, C, H, W) in [0, 1], grey for C = 1 and colour for C = 3, each under its title."""
    rows = max(1, math.ceil(len(images) / columns))
    figure, grid = canvas(rows, columns, (1.6 * columns, 1.9 * rows))
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        axes.imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=TITLE)
    return figure


def album(rows: dict[str, Any]) -> Any:
    """Rows of images (n, C, H, W) in [0, 1], arrays or tensors, grey for C = 1 and colour for C = 3, by their names."""
    framed = np.pad(np.stack(list(rows.values())), [(0, 0)] * 3 + [(1, 1)] * 2, constant_values=1)
    count, columns, channels, height, width = framed.shape
    sheet = framed.transpose(0, 3, 1, 4, 2).reshape(count * height, columns * width, channels)
    figure, axes = pane((0.2 + 0.08 * max(map(len, rows)) + 0.8 * columns, 0.8 * count))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=height * (np.arange(count) + 0.5) - 0.5, yticklabels=list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def errors(steps: np.ndarray, series: dict[str, np.ndarray]) -> Any:
    """Errors against the step that they were made with, each series a line; both axes are logarithmic."""
    figure, axes = pane()
    for name, values in series.items():
        axes.loglog(steps, np.maximum(values, np.finfo(float).tiny), marker=".", label=name)
    axes.set(xlabel="step h", ylabel="error")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    return figure


def regions(points: np.ndarray, labels: np.ndarray, answer: Callable[..., np.ndarray]) -> Any:
    """Points (n, 2) with labels ±1 over what a network answers, in [−1, 1], at every place (x, y) between them."""
    (left, low), (right, high) = points.min(0) - 0.3, points.max(0) + 0.3
    x, y = np.meshgrid(np.linspace(left, right, 40), np.linspace(low, high, 30))
    answers = answer(x, y)
    figure, axes = pane((6.5, 3.6))
    extent = dict(extent=(left, right, low, high), origin="lower", interpolation="bilinear")
    shades = axes.imshow(answers, cmap="RdBu", vmin=-1, vmax=1, alpha=0.7, **extent)
    axes.contour(x, y, answers, levels=[0], colors="black", linewidths=1)
    for label, color, marker in ((1, BLUE, "o"), (-1, RED, "s")):
        axes.scatter(*points[labels == label].T, c=color, marker=marker, edgecolors="white", linewidths=0.5)
    key(figure, shades, "answer", ticks=[-1, 0, 1])
    axes.set(xlabel="x₁", ylabel="x₂", aspect="equal")
    return figure


def templates(weights: np.ndarray, titles: Sequence[str] | None = None, columns: int = 5) -> Any:
    """Weights (n, H, W) as pictures, under their titles or else their numbers: blue is positive, red negative, white 0,
    on one scale.
    """
    rows = math.ceil(len(weights) / columns)
    figure, grid = canvas(rows, columns, (1.8 * columns, 2 * rows))
    bound = np.abs(weights).max()
    for axes in grid.flat:
        axes.axis("off")
    for axes, picture, title in zip(grid.flat, weights, titles or range(len(weights)), strict=False):
        axes.imshow(picture, cmap="RdBu", vmin=-bound, vmax=bound)
        axes.set_title(str(title), fontsize=TITLE)
    return figure


def series(lines: dict[str, Sequence[float]], horizontal: str, vertical: str) -> Any:
    """Numbers in a row, each series a line under its name."""
    figure, axes = pane()
    for name, values in lines.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set(xlabel=horizontal, ylabel=vertical, ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    return figure


def filtered(photograph: np.ndarray, seen: dict[str, np.ndarray]) -> Any:
    """A photograph (H, W), and what filters make of it: grey where all is positive, else red for − and blue for +."""
    figure, (grid,) = canvas(1, 1 + len(seen), (12, 2.6))
    for axes, (name, picture) in zip(grid, {"photograph": photograph, **seen}.items(), strict=True):
        signed = picture.mean() < 0.1
        bound = np.abs(picture).max()
        scale = dict(cmap="RdBu", vmin=-bound, vmax=bound) if signed else dict(cmap="gray", vmin=0, vmax=1)
        axes.imshow(picture, **scale)
        axes.set_title(name, fontsize=TITLE)
        axes.axis("off")
    return figure


def matrix(values: np.ndarray, columns: str, rows: str) -> Any:
    """A matrix as a picture: blue is positive, red negative, white 0."""
    figure, axes = pane((7, 3.6))
    bound = np.abs(values).max()
    axes.imshow(values, cmap="RdBu", vmin=-bound, vmax=bound)
    axes.set(xlabel=columns, ylabel=rows)
    return figure


def fields(pictures: dict[str, np.ndarray]) -> Any:
    """Gradients (H, W) of one output each, by how much a pixel counts; white where not at all."""
    figure, (grid,) = canvas(1, len(pictures), (11, 3))
    for axes, (name, gradient) in zip(grid, pictures.items(), strict=True):
        axes.imshow(np.abs(gradient) / np.abs(gradient).max(), cmap="Blues", vmin=0, vmax=1)
        axes.set_title(name, fontsize=TITLE)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def compared(lines: dict[str, Sequence[float]], horizontal: str, vertical: str, window: int = 10) -> Any:
    """Noisy numbers in a row, each the mean of the last `window`; colours go from light to dark within a family.

    Names are ``"family, member"``; families have colours of their own. Lines go from thick to thin, so that of equal
    ones all can be seen. The scale begins at 0, unless that would leave its lower half empty.
    """
    figure, axes = pane((7, 4.2))
    families = list(dict.fromkeys(name.partition(",")[0] for name in lines))
    maps = [extra("matplotlib").colormaps[name] for name in ("Oranges", "Blues", "Greens", "Purples")]
    widths = dict(zip(lines, thinning(len(lines)), strict=True))
    for number, family in enumerate(families):
        members = [name for name in lines if name.partition(",")[0] == family]
        for place, name in enumerate(members):
            values = np.convolve(lines[name], np.ones(window) / window, mode="valid")
            color = maps[number % len(maps)](0.4 + 0.55 * place / (len(members) - 1) if len(members) > 1 else 0.75)
            axes.plot(range(window, window + len(values)), values, label=name, color=color, linewidth=widths[name])
    axes.set(xlabel=horizontal, ylabel=vertical)
    if axes.dataLim.y0 < axes.dataLim.y1 / 2:
        axes.set_ylim(0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    return figure


def paths(
    ways: dict[str, np.ndarray],
    height: Callable[..., np.ndarray],
    across: tuple[float, float],
    along: tuple[float, float],
) -> Any:
    """Ways (n, 2) down a landscape, each in a picture of its own, over lines of equal height."""
    x, y = np.meshgrid(np.linspace(*across, 200), np.linspace(*along, 120))
    figure, (grid,) = canvas(1, len(ways), (3 * len(ways), 2.7), sharex=True, sharey=True)
    levels = np.geomspace(0.05, height(x, y).max(), 14)
    for axes, (name, way) in zip(grid, ways.items(), strict=True):
        axes.contour(x, y, height(x, y), levels=levels, colors="0.8", linewidths=0.7)
        axes.plot(*way.T, marker=".", markersize=4, linewidth=1)
        axes.plot(0, 0, marker="+", color=RED, markersize=9)
        axes.set(xlim=across, ylim=along, xlabel="x")
        axes.set_title(f"{name}, {len(way)} steps", fontsize=TITLE)
    grid[0].set_ylabel("y")
    return figure


def layers(outputs: dict[str, Sequence[Any]]) -> Any:
    """How the outputs of each layer (n, …) are distributed, a row of histograms for each network.

    A row goes from −1 to 1, or as far as 99 % of its outputs do.
    """
    rows, columns = len(outputs), max(map(len, outputs.values()))
    figure, grid = canvas(rows, columns, (1.35 * columns, 1.5 * rows))
    for number, axes in enumerate(grid[0], 1):
        axes.set_title(f"layer {number}", fontsize=TITLE)
    for line, (name, values) in zip(grid, outputs.items(), strict=True):
        line[0].set_ylabel(name)
        arrays = [np.asarray(value).ravel() for value in values]
        bound = math.ceil(max(1, np.quantile(np.abs(np.concatenate(arrays)), 0.99)))
        unit = 10 ** (len(str(bound)) - 1)
        bound = -(-bound // unit) * unit  # one digit and zeros, short beside its neighbour's
        for axes, array in zip(line, arrays, strict=True):
            axes.stairs(*np.histogram(array, np.linspace(-bound, bound, 41)), fill=True)
            axes.set(ylim=(0, None), yticks=[], xticks=[-bound, 0, bound])
    for axes in grid[-1]:
        axes.set_xlabel("output")
    return figure


def weights(values: dict[str, Any]) -> Any:
    """How weights are distributed, each a histogram whose counts go by powers of ten."""
    figure, grid = canvas(1, len(values), (3.4 * len(values), 2.8), sharex=True, sharey=True)
    arrays = {name: value.detach().numpy().ravel() for name, value in values.items()}
    bound = max(float(np.quantile(np.abs(array), 0.999)) for array in arrays.values())
    grid[0, 0].set_ylabel("how many")
    for axes, (name, array) in zip(grid[0], arrays.items(), strict=True):
        axes.hist(array, bins=np.linspace(-bound, bound, 61), log=True)
        axes.set(xlabel="weight")
        axes.set_title(f"{name}: {np.mean(np.abs(array) < 1e-3):.0%} below 0.001", fontsize=TITLE)
    return figure


def maps(image: np.ndarray, outputs: dict[str, np.ndarray], columns: int = 8) -> Any:
    """An image (C, H, W) in [0, 1], and what layers make of it (C, H, W): of each its strongest channels in a row."""
    figure, grid = canvas(len(outputs), columns + 1, (1.3 * (columns + 1), 1.35 * len(outputs)))
    for axes in grid.flat:
        axes.axis("off")
    grid[0, 0].imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=1)
    for line, (name, output) in zip(grid, outputs.items(), strict=True):
        line[1].set_title(name, loc="left", fontsize=TITLE)
        for axes, channel in zip(line[1:], np.argsort(-output.mean((1, 2))), strict=False):
            axes.imshow(output[channel], cmap="gray")
    return figure


def lines(*panes: dict[str, Any]) -> Any:
    """Lines side by side; they go from dark and thick to light and thin, so that of equal ones all can be seen.

    Each pane has ``lines``, the (x, y) of each by its name, and beside them what ``Axes.set`` takes.
    """
    figure, (grid,) = canvas(1, len(panes), (4.6 * len(panes), 3.6))
    for axes, pane in zip(grid, panes, strict=True):
        count = len(pane["lines"])
        colors = extra("matplotlib").colormaps["viridis"](np.linspace(0, 0.85, count))
        for color, width, (name, (x, y)) in zip(colors, thinning(count), pane["lines"].items(), strict=True):
            axes.plot(x, y, label=name, color=color, linewidth=width, marker="o" if len(x) <= 10 else "")
            axes.xaxis.get_major_locator().set_params(integer=isinstance(x, range))
        axes.set(**{name: value for name, value in pane.items() if name != "lines"})
        if len(pane["lines"]) > 1:
            axes.legend(frameon=False, fontsize=8)
        axes.grid(alpha=0.3)
    return figure


def roofline(peaks: Any, averages: Sequence[Any], most: int = 8) -> Any:
    """The ops of a profile that took longest under the roof of a machine, `minidl.profiler.Peaks`.

    The larger a mark, the longer it took.
    """
    counted = sorted((a for a in averages if a.flops and a.bytes), key=lambda a: -a.self_cpu_time_total)[:most]
    across = [average.flops / average.bytes for average in counted]
    figure, axes = pane((8, 4.2))
    reach = np.geomspace(min([0.05, *across]) / 1.5, max([100, *across]) * 1.5, 200)
    axes.plot(reach, [peaks.roof(intensity) / 1e9 for intensity in reach], color="0.3", label="the roof")
    longest = counted[0].self_cpu_time_total
    colors = extra("matplotlib").colormaps["viridis"](np.linspace(0, 0.95, len(counted)))
    for average, intensity, color in zip(counted, across, colors, strict=True):
        rate = average.flops / average.cpu_time_total / 1e3
        area = 30 + 300 * average.self_cpu_time_total / longest
        axes.scatter(intensity, rate, s=area, color=color, edgecolors="white", label=average.key, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="operations on a byte", ylabel="10⁹ operations a second, GFLOP/s")
    legend = axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    for handle in legend.legend_handles[1:]:
        handle.set_sizes([40])
    axes.grid(alpha=0.3)
    return figure


def searches(table: np.ndarray, rates: np.ndarray, others: np.ndarray, found: dict[str, Any], other: str) -> Any:
    """Trials (rates, others) of each search, over the error (rates, others) of all; both scales are logarithmic.

    Above and beside: the mean error over what the other may be, and a mark for each value that a trial has.
    """
    sizes = dict(width_ratios=[4, 1] * len(found), height_ratios=[1, 3], sharex="col", sharey="row")
    figure, (above, below) = canvas(2, 2 * len(found), (5.2 * len(found), 4), **sizes)
    for place, (name, (x, y)) in enumerate(found.items()):
        top, corner, main, side = above[2 * place], above[2 * place + 1], below[2 * place], below[2 * place + 1]
        shades = main.pcolormesh(rates, others, 100 * table.T, cmap="Blues", shading="nearest", vmin=0, vmax=100)
        main.scatter(x, y, color=RED, edgecolors="white", zorder=3)
        main.set(xscale="log", yscale="log", xlabel="learning rate", ylabel=other)
        top.plot(rates, 100 * table.mean(1))
        top.plot(x, np.zeros(len(x)), marker="|", markersize=12, color=RED, linestyle="")
        top.set(ylabel="error, %", ylim=(-8, 100))
        top.set_title(f"{name}: {len(np.unique(x))} rates in {len(x)} trials", fontsize=TITLE)
        side.plot(100 * table.mean(0), others)
        side.plot(np.zeros(len(y)), y, marker="_", markersize=12, color=RED, linestyle="")
        side.set(xlabel="error, %", xlim=(-8, 100))
        corner.axis("off")
    key(figure, shades, "error, %", ax=below[-1])
    return figure


def bands(rows: dict[str, np.ndarray], horizontal: str, vertical: str) -> Any:
    """Numbers above 0 (repetitions, steps): of each kind their mean, in a band that holds 80 % of them."""
    figure, axes = pane()
    for name, values in rows.items():
        steps, (low, high) = np.arange(1, values.shape[1] + 1), np.quantile(values, [0.1, 0.9], axis=0)
        (line,) = axes.plot(steps, values.mean(0), label=name)
        axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.08, linewidth=0)
        axes.plot(steps, np.transpose([low, high]), color=line.get_color(), linewidth=0.8, linestyle=":")
    axes.set(xlabel=horizontal, ylabel=vertical, yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(axis="y", which="minor", labelsize=8)
    axes.legend(frameon=False, fontsize=8, title="mean, and where 80 % lie", title_fontsize=8)
    axes.grid(alpha=0.3, which="both")
    return figure


def landscapes(heights: dict[str, np.ndarray], steps: np.ndarray, label: str, level: float) -> Any:
    """Landscapes (steps, steps) of heights above 0 side by side, on one logarithmic scale, a red line at one level.

    A + is where the network stands.
    """
    figure, (grid,) = canvas(1, len(heights), (4.2 * len(heights) + 0.8, 3.8), sharey=True)
    least, most = min(map(np.min, heights.values())), max(map(np.max, heights.values()))
    levels = np.geomspace(least, most, 25)
    for axes, (name, height) in zip(grid, heights.items(), strict=True):
        norm = extra("matplotlib.colors").LogNorm(least, most)
        shades = axes.contourf(steps, steps, height.T, levels=levels, norm=norm, cmap="viridis")
        axes.contour(steps, steps, height.T, levels=levels, colors="white", linewidths=0.3)
        axes.contour(steps, steps, height.T, levels=[level], colors=RED)
        axes.plot(0, 0, marker="+", color=RED, markersize=10)
        axes.set(xlabel="along the first direction", aspect="equal")
        axes.set_title(name, fontsize=TITLE)
    grid[0].set_ylabel("along the second")
    ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if least <= tick <= most]
    key(figure, shades, label, ax=grid, ticks=ticks, format="%g")
    return figure
