"""Tensors on a line, graphs and the walk back, held to values and graphs that are written down here."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import nn, viz


@pytest.mark.parametrize(
    "value, text",
    [
        (md.tensor(2.5), "a scalar float32  2.5"),
        (md.tensor([1, 3]), "2 int64  mean 2 ± 1  in [1, 3]  █▁▁▁▁▁▁▁▁▁▁█"),
        (md.tensor([[0.0, 1.0, 1.0]]), "1×3 float32  mean 0.667 ± 0.47  in [0, 1]  ▅▁▁▁▁▁▁▁▁▁▁█"),
        (md.tensor([0.0, float("nan"), float("inf"), float("-inf")]), None),
        (md.zeros(3, 0), "3×0 float32"),
        (np.array([1.0, 1.0 + 2**-52]), "2 float64  mean 1 ± 1.1e-16  in [1, 1]  █▁▁▁▁▁▁▁▁▁▁█"),
        (np.array([-1e308, 1e308]), "2 float64  mean 0 ± 1e+308  in [-1e+308, 1e+308]  █▁▁▁▁▁▁▁▁▁▁█"),
        (np.array([0, 5e-324]), "2 float64  mean 0 ± 0  in [0, 4.94e-324]  █▁▁▁▁▁▁▁▁▁▁█"),
        (np.array([-1e308, -1e308, 0]), "3 float64  mean -6.67e+307 ± 4.7e+307  in [-1e+308, 0]  █▁▁▁▁▁▁▁▁▁▁▅"),
        (np.full(4, 6e4, np.float16), "4 float16  mean 6e+04 ± 0  in [6e+04, 6e+04]  ▁▁▁▁▁▁█▁▁▁▁▁"),
        (np.array([1e308, 1e308]), "2 float64  mean 1e+308 ± 0  in [1e+308, 1e+308]  ▁▁▁▁▁▁█▁▁▁▁▁"),
        (np.array([True, False]), "2 bool  mean 0.5 ± 0.5  in [0, 1]  █▁▁▁▁▁▁▁▁▁▁█"),
    ],
)
def test_sketch(value, text):
    text = text or "4 float32  mean 0 ± 0  in [0, 0]  ▁▁▁▁▁▁█▁▁▁▁▁  1 NaN  2 inf"
    assert viz.sketch(value) == text


def test_sketch_refuses():
    with pytest.raises(TypeError, match="sketch: expected a tensor, got list"):
        viz.sketch([1.0])


@pytest.fixture
def product():
    """z = (x·y + x)², of x and y."""
    x, y = md.tensor([1.0, 2.0], requires_grad=True), md.tensor([3.0, 4.0], requires_grad=True)
    return x, y, ((x * y + x) ** 2).sum()


def test_graph_as_text(product):
    """Leaves first, as they were read."""
    x, y, z = product
    pairs = nn.Module()
    pairs.x, pairs.y = nn.Parameter(x.detach()), nn.Parameter(y.detach())
    z = ((pairs.x * pairs.y + pairs.x) ** 2).sum()
    assert str(viz.graph(z, pairs)).splitlines() == [
        "0  x    2         leaf",
        "1  y    2         leaf",
        "2  mul  2         of 0, 1",
        "3  add  2         of 2, 0",
        "4  pow  2         of 3",
        "5  sum  a scalar  of 4",
    ]


def test_a_leaf_stands_above_what_reads_it_first(product):
    x, y, z = product
    late = md.tensor([1.0], requires_grad=True)
    graph = viz.graph(z * late)
    ranks = dict(
        zip([vertex.name + str(vertex.shape) for vertex in graph.vertices], graph.ranks(graph.modules), strict=True)
    )
    assert ranks["leaf(1,)"] == 4
    assert ranks["leaf(2,)"] == 0
    assert [ranks[name] for name in ("mul(2,)", "add(2,)", "pow(2,)", "sum()", "mul(1,)")] == [1, 2, 3, 4, 5]
    graph = viz.graph(x.exp() * y.exp().log())  # an op stands just below what it reads
    assert graph.ranks(graph.modules) == [0, 0, 1, 1, 2, 3]


def test_drawing(product, tmp_path):
    graph = viz.graph(product[2])
    root = ET.fromstring(graph.svg())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.find("s:title", space).text == "The graph of sum a scalar"
    assert root.find("s:desc", space).text == str(graph)
    texts = [element.text for element in root.findall("s:text", space)]
    assert sorted(texts) == ["add 2", "leaf 2", "leaf 2", "mul 2", "pow 2", "sum a scalar"]
    assert len(root.findall("s:path", space)) == 6
    boxes = [
        {name: float(box.get(name)) for name in ("x", "y", "width", "height")} for box in root.findall("s:rect", space)
    ]
    for i, one in enumerate(boxes):
        assert one["x"] >= 0 and one["x"] + one["width"] <= float(root.get("width"))
        assert one["y"] + one["height"] <= float(root.get("height"))
        for other in boxes[:i]:
            apart = one["x"] + one["width"] < other["x"] or other["x"] + other["width"] < one["x"]
            assert apart or one["y"] != other["y"]
    graph.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text("utf-8") == graph.svg() == graph._repr_svg_()


def test_each_mark_has_its_place():
    """A letter is 7.2 wide, a box 16 wider than its label and 34 high; a row 22 below another, frames 24 outside."""
    network = nn.Sequential(nn.Linear(2, 1, bias=False))
    root = ET.fromstring(viz.graph(network(md.ones(3, 2)).sum(), network).svg())
    marks = [(one.text, {**one.attrib}) for one in root if one.tag.rpartition("}")[2] in ("rect", "text", "path")]
    assert (root.get("width"), root.get("height")) == ("325", "218")
    assert marks == [
        (None, {"class": "module", "x": "24", "y": "24", "width": "277", "height": "126"}),
        ("0", {"class": "path", "x": "32", "y": "40"}),
        (None, {"d": "M99 82C99 93 162 93 162 104"}),
        (None, {"d": "M162 138C162 155 162 155 162 172"}),
        (None, {"class": "leaf", "x": "48", "y": "48", "width": "102", "height": "34"}),
        ("0.weight 1×2", {"x": "99", "y": "69", "text-anchor": "middle"}),
        (None, {"class": "op", "x": "118", "y": "104", "width": "88", "height": "34"}),
        ("linear 3×1", {"x": "162", "y": "125", "text-anchor": "middle"}),
        (None, {"class": "end", "x": "111", "y": "172", "width": "102", "height": "34"}),
        ("sum a scalar", {"x": "162", "y": "193", "text-anchor": "middle"}),
    ]


class Pair(nn.Module):
    """Two parameters, and their product."""

    def __init__(self):
        self.w, self.longer_name = nn.Parameter(md.ones(2)), nn.Parameter(md.ones(2))

    def forward(self):
        return self.w * self.longer_name


def side_by_side():
    """Frames of unlike height; in one of them a leaf beside an op."""
    network = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.Linear(2, 1, bias=False)})
    return network, network["a"](md.ones(3, 2)) + network["b"](md.ones(3, 2))


def two_leaves():
    """Between which the way goes down."""
    network = nn.ModuleDict({"pair": Pair()})
    return network, network["pair"]().sum()


def long_title():
    """Of a frame without a leaf: another op outside reads that, too."""
    network = nn.ModuleDict({"a_pair_whose_name_is_long": Pair(), "b": Pair()})
    first, second = network.values()
    return network, first.w * 3 + first.w * second.w


@pytest.mark.parametrize("drawn, size, places", [
    (side_by_side, (626, 274), [(48, 48), (70, 104), (167, 104), (129, 160), (349, 48), (419, 104), (280, 228)]),
    (two_leaves, (411, 218), [(120, 48), (218, 48), (180, 104), (154, 172)]),
    (long_title, (352, 218), [(26, 24), (274, 24), (112, 104), (276, 80), (150, 172)]),
])  # fmt: skip
def test_rows_are_in_the_middle(drawn, size, places):
    network, z = drawn()
    root, space = ET.fromstring(viz.graph(z, network).svg()), {"s": "http://www.w3.org/2000/svg"}
    boxes = [box for box in root.findall("s:rect", space) if box.get("class") != "module"]
    assert (int(root.get("width")), int(root.get("height"))) == size
    assert [(int(box.get("x")), int(box.get("y"))) for box in boxes] == places


def test_names_are_escaped(tmp_path):
    network = nn.ModuleDict({"a<b": nn.Linear(1, 1)})
    graph = viz.graph(network["a<b"].weight, network)
    graph.save(tmp_path / "graph.svg")
    root, space = ET.fromstring((tmp_path / "graph.svg").read_bytes()), {"s": "http://www.w3.org/2000/svg"}
    assert root.find("s:title", space).text == "The graph of a<b.weight 1×1"
    assert [text.text for text in root.findall("s:text", space)] == ["a<b", "a<b.weight 1×1"]
    assert root.find("s:desc", space).text == str(graph) == repr(graph)
    assert str(graph).splitlines()[0].strip() == "[a<b]"


@pytest.mark.parametrize(
    "ops, others, way",
    [
        (4, 0, "M54 58C54 181 54 181 54 304"),  # straight, since it is not far
        (5, 0, "M54 58C83 209 83 209 54 360"),  # as far aside as there is room
        (5, 6, "M300 58C451 209 451 209 300 360"),  # half as far aside as it is long
    ],
)
def test_a_long_way_leads_past_what_lies_between(ops, others, way):
    first = last = md.ones(2, requires_grad=True)
    for _ in range(ops):
        last = last.exp()
    leaves = [md.ones(2, requires_grad=True) for _ in range(others)]
    end = md.cat([first, last, *leaves]) if others else first * last
    assert f'"{way}"' in viz.graph(end).svg()


@pytest.fixture
def residual():
    """A network with a block that adds its input, and its loss."""

    class Block(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)

        def forward(self, x):
            return x + self.second(self.first(x).relu())

    md.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Sequential(Block(), Block()))
    return network, network(md.randn(2, 3)).tanh().sum()


def test_modules_in_the_text(residual):
    network, loss = residual
    lines = str(viz.graph(loss, network)).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "[0]",
        "0 0.weight 3×3 leaf",
        "1 linear 2×3 of 0",
        "[1]",
        "[1.0]",
        "[1.0.first]",
        "2 1.0.first.weight 3×3 leaf",
        "3 linear 2×3 of 1, 2",
        "4 relu 2×3 of 3",
        "[1.0.second]",
        "5 1.0.second.weight 3×3 leaf",
        "6 linear 2×3 of 4, 5",
        "7 add 2×3 of 1, 6",
        "[1.1]",
        "[1.1.first]",
        "8 1.1.first.weight 3×3 leaf",
        "9 linear 2×3 of 7, 8",
        "10 relu 2×3 of 9",
        "[1.1.second]",
        "11 1.1.second.weight 3×3 leaf",
        "12 linear 2×3 of 10, 11",
        "13 add 2×3 of 7, 12",
        "14 tanh 2×3 of 13",
        "15 sum a scalar of 14",
    ]
    depths = [(len(line[4:]) - len(line[4:].lstrip())) // 2 for line in lines]
    assert depths == [0, 1, 1, 0, 1, 2, 3, 3, 2, 2, 3, 3, 1, 1, 2, 3, 3, 2, 2, 3, 3, 0, 0, 0]


def test_frames_hold_their_vertices_and_no_others(residual):
    network, loss = residual
    graph = viz.graph(loss, network)
    root, space = ET.fromstring(graph.svg()), {"s": "http://www.w3.org/2000/svg"}
    boxes = [[float(box.get(name)) for name in ("x", "y", "width", "height")] for box in root.findall("s:rect", space)]
    names = [element.text for element in root.findall("s:text", space)]
    modules = ["0", "1", "1.0", "1.0.first", "1.0.second", "1.1", "1.1.first", "1.1.second"]
    frames, vertices = dict(zip(names[:8], boxes[:8], strict=True)), boxes[8:]
    assert sorted(frames) == modules and len(vertices) == len(graph.vertices) == 16
    homes = ["0", "0", "1.0.first", "1.0.first", "1.0", "1.0.second", "1.0.second", "1", "1.1.first", "1.1.first"]
    homes += ["1.1", "1.1.second", "1.1.second", "", "", ""]
    for path, (x, y, width, height) in frames.items():
        assert x >= 0 and y >= 0
        assert x + width <= float(root.get("width")) and y + height <= float(root.get("height"))
        for number, (left, top, wide, high) in enumerate(vertices):
            inside = x < left and left + wide < x + width and y < top and top + high < y + height
            apart = left > x + width or left + wide < x or top > y + height or top + high < y
            belongs = f"{homes[number]}.".startswith(f"{path}.")
            assert inside == belongs and apart != belongs, (path, number)
    ways = [way.get("d") for way in root.findall("s:path", space)]
    sides = [float(way.split("C")[1].split()[0]) - float(way[1:].split()[0]) for way in ways]
    assert sum(side > 0 for side in sides) == 2  # past the blocks, to what adds their inputs


def test_a_module_that_is_called_again_later_has_no_box():
    shared, other = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    network = nn.Sequential(nn.Sequential(shared), other, nn.Linear(2, 2))
    x = md.randn(1, 2)
    text = str(viz.graph(network[2](shared(other(shared(x)))), network))
    assert "[0" not in text and "[1]" not in text and "[2]" in text
    text = str(viz.graph(other(shared(shared(x))), network))
    assert "[0.0]" in text and "[0]" not in text  # one frame will do
    deeper = nn.Sequential(nn.Sequential(shared, other))
    text = str(viz.graph(shared(other(shared(x))).sum(), deeper))
    assert "[0]" in text and "[0.0]" not in text and "[0.1]" not in text


def test_what_reads_parameters_of_several_modules_stands_where_both_are():
    network = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    inner = network[0]
    text = str(viz.graph((inner[0].weight + inner[1].weight).sum(), network))
    assert text.splitlines()[0].strip() == "[0]" and "[0.0]" not in text


@pytest.mark.parametrize(
    "what, error, text",
    [
        (lambda: 3, TypeError, "graph: expected a tensor, got int"),
        (lambda: md.ones(2), RuntimeError, "graph: this tensor has no history"),
    ],
)
def test_graph_refuses(what, error, text):
    with pytest.raises(error, match=text):
        viz.graph(what())


def test_graph_of_what_was_freed(product):
    product[2].backward()
    with pytest.raises(RuntimeError, match="freed"):
        viz.graph(product[2])


# --- the walk back ----------------------------------------------------------------------------------------------------


def test_walk(product):
    x, y, z = product
    walk = viz.backward(z)
    assert [stand.name for stand in walk] == ["sum", "pow", "add", "mul"]
    assert len(walk) == 4
    total, power, add, mul = walk
    assert total.incoming.item() == 1
    inner = np.array([4.0, 10.0])
    np.testing.assert_allclose(power.outgoing[0].gradient, 2 * inner)
    assert [(sent.argument, sent.to) for sent in add.outgoing] == [("x", "mul"), ("y", "a leaf")]
    np.testing.assert_allclose(mul.outgoing[0].gradient, 2 * inner * [3, 4])
    np.testing.assert_allclose(mul.outgoing[1].gradient, 2 * inner * [1, 2])
    assert mul.outgoing[0].rule.startswith("x=lambda g, y: g * y  (ops/elementwise.py:")
    assert mul.meaning == "x · y."


def test_graph_and_gradients_stay(product):
    x, y, z = product
    walk = viz.backward(z)
    walk[0].incoming.fill_(7.0)
    assert x.grad is None
    assert viz.backward(z)[0].incoming.item() == 1
    z.backward()
    np.testing.assert_allclose(x.grad, 2 * np.array([4.0, 10.0]) * [4, 5])


def test_where_the_walk_starts(product):
    z = product[0] * 3
    walk = viz.backward(z, md.tensor([1.0, -1.0]))
    assert walk[0].outgoing[0].gradient.tolist() == [3, -3]
    with pytest.raises(RuntimeError, match="gradient may be left out for a scalar only"):
        viz.backward(z)
    with pytest.raises(TypeError, match="viz.backward: expected a Tensor, got float"):
        viz.backward(3.0)


def test_kernels_unfold_and_parameters_have_their_names():
    md.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3))
    loss = F.cross_entropy(network(md.randn(4, 1, 8, 8)), md.tensor([0, 1, 2, 0]))
    sent = [sent.to for stand in viz.backward(loss, network=network) for sent in stand.outgoing]
    assert {"0.weight", "0.bias", "4.weight", "4.bias"} <= set(sent)
    deeper = viz.backward(nn.Sequential(network)(md.randn(4, 1, 8, 8)).sum(), network=nn.ModuleList([network]))
    assert {stand.module for stand in deeper} == {None, "0.0", "0.4"}
    assert "alias" not in sent
    names = [stand.name for stand in viz.backward(loss)]
    assert {"log_softmax", "linear", "relu", "window_take", "conv"} <= set(names)


def test_images_and_filters_are_shown_as_pictures():
    md.manual_seed(0)
    layer, x = nn.Conv2d(2, 3, 3, bias=False), md.randn(1, 2, 5, 5, requires_grad=True)
    walk = viz.backward((layer(x) * 2).sum(), network=layer)
    (conv,) = [stand for stand in walk if stand.name == "conv"]
    drawn = conv.pictures()
    assert list(drawn) == ["comes in", "to x", "to w"]
    sent = {sent.argument: sent.gradient for sent in conv.outgoing}
    np.testing.assert_array_equal(drawn["to w"].pixels, viz.picture(sent["w"]).pixels)
    assert str(drawn["comes in"]) == str(viz.picture(conv.incoming))
    page = conv._repr_html_()
    assert page.startswith("<pre>conv: ") and page.count("<img ") == 3 and "<p>to w</p><img" in page
    whole = walk._repr_html_()
    assert whole.count("<details>") == whole.count("</details>") == len(walk) and page in whole
    for line in str(walk).splitlines():
        assert f"<summary><code>{line}</code></summary>" in whole


def test_one_row_or_few_numbers_are_no_picture():
    for shape, number in (((2, 2, 3), 0), ((13,), 0), ((4, 5), 0), ((3, 5, 1), 0), ((2, 3, 3), 2)):
        x = md.ones(shape, requires_grad=True)
        assert len(viz.backward((x * x).sum())[1].pictures()) == number + (number > 0)


def test_what_is_shown(product):
    walk = viz.backward(product[2])
    assert str(walk).splitlines()[3] == "  3  mul                    2                x → a leaf, y → a leaf"
    lines = str(walk[3]).splitlines()
    assert lines[0] == "mul: x · y."
    assert lines[1] == "  comes in    [ 8., 20.]"
    assert lines[3] == "  to x        [24., 80.]  → a leaf"
    assert repr(walk) == str(walk)
