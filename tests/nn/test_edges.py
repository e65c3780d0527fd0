"""Layers at the edges of what they take: an option or an input just inside is served, and as it says."""

import copy

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.nn import init


def wave(*shape):
    return md.tensor(np.sin(np.arange(1.0, 1 + np.prod(shape))).reshape(shape))


def same(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_nothing_is_put_around_where_padding_is_valid(mode):
    layer, x = nn.Conv2d(2, 3, 3, padding="valid", padding_mode=mode, dtype=md.float64), wave(1, 2, 5, 5)
    same(layer(x), F.conv2d(x, layer.weight, layer.bias))


@pytest.mark.parametrize("rank, size", [(1, (7,)), (2, (7, 6)), (2, (1, 2, 7, 6))])
def test_the_size_of_what_is_put_back(rank, size):
    """As SegNet calls it, ``unpool(x, indices, size)``."""
    pool, unpool = ((nn.MaxPool1d, nn.MaxUnpool1d), (nn.MaxPool2d, nn.MaxUnpool2d))[rank - 1]
    x = wave(1, 2, *size[-rank:])
    maxima, indices = pool(2, return_indices=True)(x)
    back = unpool(2)(maxima, indices, size)
    assert back.shape == x.shape and unpool(2)(maxima, indices).shape == (1, 2, 6, 6)[: 2 + rank]
    kept = back != 0
    same(back[kept], x[kept])
    assert int(kept.sum()) == maxima.numel()
    same(unpool(2)(maxima, indices, output_size=size), back)


@pytest.mark.parametrize("rank, size", [(1, (16,)), (2, (16, 17))])
def test_the_size_of_a_transposed_convolution(rank, size):
    """From the least, by fewer than the stride more; in each dimension, dilation and padding counted.

    All of it is the adjoint of a convolution, also what lies beyond the least size.
    """
    kind, x = (nn.ConvTranspose1d, nn.ConvTranspose2d)[rank - 1], wave(1, 2, *(5,) * rank)
    layer = kind(2, 3, 3, stride=3, padding=1, dilation=2, dtype=md.float64)
    least = 4 * 3 - 2 + 2 * 2 + 1
    assert layer(x).shape == (1, 3, *(least,) * rank)
    assert layer(x, size).shape == layer(x, (1, 3, *size)).shape == (1, 3, *size)
    z = layer(x, size)
    same(z[(..., *(slice(least),) * rank)], layer(x))
    y, convolve = wave(1, 3, *size), (F.conv1d, F.conv2d)[rank - 1]
    without = z - layer.bias.reshape(-1, *(1,) * rank)
    same((without * y).sum(), (x * convolve(y, layer.weight, None, 3, 1, 2)).sum())
    if rank == 2:
        for wrong in ((least - 1, least), (least, least - 1)):
            with pytest.raises(ValueError, match=rf"output_size {wrong[0]}×{wrong[1]} is less than the least, 15×15"):
                layer(x, wrong)


@pytest.mark.parametrize("kernel, padding", [((2, 4), "same"), ((3, 3), (1, 2))])
def test_what_is_put_around(kernel, padding):
    """Of "same" the larger half comes after; pairs are of height and width."""
    layer = nn.Conv2d(1, 1, kernel, padding=padding, padding_mode="circular", dtype=md.float64)
    x, around = wave(1, 1, 5, 6), (1, 2, 0, 1) if padding == "same" else (2, 2, 1, 1)
    same(layer(x), F.conv2d(F.pad(x, around, "circular"), layer.weight, layer.bias))


def test_zero_sizes():
    assert nn.Unflatten(-1, (3, -1))(md.ones(2, 5, 6)).shape == (2, 5, 3, 2)
    assert nn.Unflatten(1, (0, 3))(md.ones(2, 0)).shape == (2, 0, 3)
    with pytest.raises(ValueError, match=r"unflatten: a dimension of 4 does not fit \(0, -1\)"):
        nn.Unflatten(1, (0, -1))(md.ones(2, 4))
    with pytest.raises(ValueError, match=r"unflatten: a dimension of 6 does not fit \(-2, -3\)"):
        nn.Unflatten(1, (-2, -3))(md.ones(2, 6))


@pytest.mark.parametrize("p", [0, 1])
def test_dropout_of_nothing_and_of_all(p):
    for layer in (nn.Dropout(p), nn.Dropout1d(p), nn.Dropout2d(p)):
        assert (layer(md.ones(2, 3, 4)) == 1 - p).all()


def test_rows_that_do_not_learn():
    """A row is counted from the end, too; it is zero at first, unless the table is given."""
    table = wave(3, 2)
    for layer in (nn.Embedding(3, 2, -1), nn.Embedding.from_pretrained(table, freeze=False, padding_idx=-1)):
        assert layer.padding_idx == 2 and "padding_idx=2" in repr(layer)
        layer(md.tensor([0, 2])).sum().backward()
        assert layer.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert (nn.Embedding(3, 2, -1).weight[2] == 0).all() and (layer.weight == table).all()
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad


def test_a_learned_slope_may_be_negative():
    same(nn.PReLU(init=-0.5)(md.tensor([-2.0, 0.0, 3.0])), md.tensor([1.0, 0.0, 3.0]))


def test_softmax_over_channels_of_one_image():
    same(nn.Softmax2d()(wave(2, 3, 4)), F.softmax(wave(2, 3, 4), 0))


def test_sizes_of_numpy():
    layer = nn.LayerNorm(np.int64(3))
    assert layer.normalized_shape == (3,) and layer.weight.shape == (3,)


def test_what_is_printed_of_parameters():
    held = {"a": nn.Parameter(md.ones(2, 3)), "b": nn.Parameter(md.ones(4, dtype=md.float64))}
    said = "[float32 of size 2×3]", "[float64 of size 4]"
    for container, names in ((nn.ParameterDict(held), "ab"), (nn.ParameterList(held.values()), "01")):
        lines = [f"  ({name}): Parameter containing: {what}" for name, what in zip(names, said, strict=True)]
        assert repr(container).splitlines()[1:-1] == lines


@pytest.mark.parametrize("kind", [nn.ModuleList, nn.ParameterList, nn.Sequential])
def test_a_sum_of_lists_is_a_new_one(kind):
    made = [nn.Parameter(md.ones(1)) if kind is nn.ParameterList else nn.ReLU() for _ in range(3)]
    a, b = (kind(*part) if kind is nn.Sequential else kind(part) for part in (made[:1], made[1:]))
    total = a + b
    assert all(x is y for x, y in zip(total, made, strict=True))
    assert type(total) is kind and (len(a), len(b)) == (1, 2)


def test_lists_end_where_they_end():
    """Removing takes the last unless told; a place before the last is counted from the end."""
    made = [nn.ReLU() for _ in range(4)]
    held = nn.ModuleList(made[:3])
    assert held.pop() is made[2] and list(held) == made[:2]
    assert list(held.insert(-1, made[2])) == [made[0], made[2], made[1]]
    assert list(held.insert(3, made[3])) == [made[0], made[2], made[1], made[3]]
    for wrong in (5, -5):
        with pytest.raises(IndexError, match=f"ModuleList: index {wrong} is out of range for 4 modules"):
            held.insert(wrong, nn.ReLU())


def test_dicts_are_equal_to_themselves_alone():
    assert nn.ModuleDict() != nn.ModuleDict() and nn.ModuleDict() != {} and len({nn.ModuleDict(), nn.ModuleDict()}) == 2
    with pytest.raises(KeyError, match="^'a'$"):
        del nn.ModuleDict()["a"]


def test_a_parameter_can_be_written():
    for array in (md.ones(1).expand(3), np.broadcast_to(np.ones(1), 3)):
        with pytest.raises(ValueError, match="Parameter: its memory can't be written: several of its elements are one"):
            nn.Parameter(array)


def test_statistics_of_a_batch_are_on_record():
    """Whoever has computed with them is told, in backward, that they have been written since."""
    for name in ("running_mean", "running_var"):
        norm, w = nn.BatchNorm1d(2), md.ones(2, requires_grad=True)
        z = (getattr(norm, name) * w).sum()
        norm(md.ones(3, 2))
        with pytest.raises(RuntimeError, match="mul: .* changed in place"):
            z.backward()


@pytest.mark.parametrize("momentum, share", [(None, 1), (0.0, 0), (1.0, 1), (0.25, 0.25)])
def test_the_share_of_a_first_batch(momentum, share):
    norm = nn.BatchNorm1d(1, momentum=momentum)
    norm(md.tensor([[1.0], [3.0]]))
    assert norm.running_mean.item() == 2 * share and norm.running_var.item() == 1 + share
    norm.reset_running_stats()
    assert (norm.running_mean.item(), norm.running_var.item(), norm.num_batches_tracked.item()) == (0, 1, 0)


def test_fills_of_no_width():
    w = nn.Parameter(md.zeros(3, 3))
    assert (init.uniform_(w, 2, 2) == 2).all() and (init.normal_(w, 3, 0) == 3).all()
    assert (init.sparse_(w, 0.0) != 0).all() and (init.sparse_(w, 1.0) == 0).all()


def test_no_warning_where_nothing_is_limited():
    """A list may be empty; a generator that is, has been used up."""
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    p = nn.Parameter(md.ones(2))
    p.grad = md.tensor([3.0, -4.0])
    assert nn.utils.clip_grad_norm_(p, 9.0, error_if_nonfinite=True).item() == 5
    assert nn.utils.clip_grad_norm_(p, 9.0, "inf").item() == 4 and p.grad.tolist() == [3, -4]
    with pytest.warns(UserWarning, match="clip_grad_value_: the generator of parameters is used up"):
        nn.utils.clip_grad_value_((p for p in ()), 1.0)
    with pytest.warns(UserWarning, match="clip_grad_norm_: the generator of parameters is used up"):
        nn.utils.clip_grad_norm_((p for p in ()), 1.0)


def test_a_hook_is_one_registration():
    """Of the same function registered twice, a handle takes off its own."""
    module, seen = nn.ReLU(), []

    def hook(module, args, output):
        seen.append(None)

    first, _ = module.register_forward_hook(hook), module.register_forward_hook(hook)
    first.remove()
    first.remove()
    module(md.ones(1))
    assert len(seen) == 1 and len(copy.deepcopy(module)._registered_hooks) == 1


def test_a_shared_parameter_by_each_of_its_names():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    once, all_of_them = (dict(module.named_parameters(remove_duplicate=flag)) for flag in (True, False))
    assert list(once) == ["0.weight", "0.bias", "1.bias"]
    assert list(all_of_them) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert module.get_parameter("1.weight") is module[0].weight
    for method, what in (("get_parameter", "parameter"), ("get_buffer", "buffer"), ("get_submodule", "module")):
        with pytest.raises(AttributeError, match=rf"^{method}: Sequential has no {what} '2.weight'$"):
            getattr(module, method)("2.weight")


def test_a_module_may_grow_while_it_is_gone_over():
    module = nn.Sequential(nn.ReLU(), nn.Tanh())
    for name, child in module.named_children():
        module.add_module(f"{name} again", child)
    assert list(module._modules) == ["0", "1", "0 again", "1 again"]


@pytest.mark.parametrize("recurse", [True, False])
def test_a_prefix_stands_before_every_name(recurse):
    """Whether modules below are asked or not; after it comes a dot, where there is one."""
    module = nn.Sequential(nn.BatchNorm1d(2))
    module.register_parameter("own", nn.Parameter(md.ones(1)))
    module.register_buffer("kept", md.ones(1))
    statistics = [f"net.0.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")] * recurse
    assert [name for name, _ in module.named_parameters("net", recurse)] == [
        "net.own", *["net.0.weight", "net.0.bias"] * recurse
    ]  # fmt: skip
    assert [name for name, _ in module.named_buffers("net", recurse)] == ["net.kept", *statistics]
    assert [name for name, _ in module.named_modules(prefix="net")] == ["net", "net.0"]


def test_a_layer_of_several_outputs_in_a_summary():
    """Of the first its shape is shown; elements of buffers are counted, not buffers."""

    class Both(nn.Module):
        def forward(self, x):
            return x.sum(2), x

    rows = nn.summary(nn.Sequential(Both()), (3, 4)).splitlines()
    assert rows[2].split() == ["0", "(Both)", "N×3", "0", "0"]
    norm = nn.BatchNorm1d(4).requires_grad_(False)
    norm.weight.requires_grad = True
    assert nn.summary(norm, (4,)).splitlines()[-3] == "parameters: 16 = 8 learned + 8 statistics; 4 of them frozen"


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training"])
def test_names_that_can_not_be_taken(name):
    with pytest.raises(ValueError, match=f"^Linear: '{name}' can't be the name of a Parameter, or is taken$"):
        nn.Linear(1, 1).register_parameter(name, nn.Parameter(md.ones(1)))


@pytest.mark.parametrize("layer, attributes", [
    (nn.ReLU6(), {"min_val": 0.0, "max_val": 6.0, "inplace": False}),
    (nn.UpsamplingNearest2d(4), {"mode": "nearest", "size": 4, "scale_factor": None}),
    (nn.UpsamplingBilinear2d(scale_factor=2), {"mode": "bilinear", "align_corners": True, "scale_factor": 2.0}),
    (nn.Upsample(scale_factor=(2, 3)), {"scale_factor": (2.0, 3.0), "align_corners": None}),
    (nn.MaxPool2d(3), {"stride": 3}),
    (nn.MaxUnpool2d(3, (1, 2)), {"kernel_size": (3, 3), "stride": (1, 2), "padding": (0, 0)}),
    (nn.AvgPool1d(3), {"kernel_size": (3,), "stride": (3,), "padding": (0,)}),
    (nn.Conv1d(1, 1, 3, padding=2), {"kernel_size": (3,), "stride": (1,), "padding": (2,), "dilation": (1,)}),
    (nn.ConvTranspose2d(1, 1, 3), {"padding": (0, 0), "output_padding": (0, 0), "transposed": True}),
    (nn.ReflectionPad2d(1), {"padding": (1, 1, 1, 1)}),
    (nn.LazyInstanceNorm1d(), {"affine": True, "track_running_stats": True}),
    (nn.InstanceNorm1d(2), {"affine": False, "track_running_stats": False}),
])  # fmt: skip
def test_attributes(layer, attributes):
    assert {name: getattr(layer, name) for name in attributes} == attributes


def test_what_a_lazy_layer_learns():
    """A parameter that needs a gradient, and running statistics that need none."""
    layer = nn.LazyInstanceNorm1d()
    assert [b.requires_grad for b in layer.buffers()] == [False] * 3
    layer(md.ones(2, 3, 4))
    assert [p.requires_grad for p in layer.parameters()] == [True] * 2
    assert [b.requires_grad for b in layer.buffers()] == [False] * 3


def test_a_buffer_that_is_none_keeps_its_place():
    norm = nn.BatchNorm1d(2, track_running_stats=False)
    names = ["running_mean", "running_var", "num_batches_tracked"]
    assert dict(norm._buffers) == dict.fromkeys(names) and not list(norm.buffers()) and len(norm.state_dict()) == 2
    norm.running_mean = md.ones(2)
    assert [name for name, _ in norm.named_buffers()] == ["running_mean"]
