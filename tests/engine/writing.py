"""Programs that write in place, of a library `t` and a leaf `w` of three elements."""

W = [0.5, -1.25, 2.0]


def adds(t, w):
    y = w * 2
    y += w
    return y


def aliases(t, w):
    y = w * 2
    z = y
    y *= w
    return z


def subtracts_a_sum(t, w):
    y = w * 1
    y -= w.sum()
    return y


def divides(t, w):
    y = w * w
    y /= w + 3
    return y


def raises(t, w):
    y = w * 3
    y **= 2
    return y


def a_view_is_written(t, w):
    y = w * 1
    row = y[0]
    row += w[1]
    return y, row


def a_base_is_written(t, w):
    y = w * 1
    part = y[1:]
    y *= w
    return part


def a_view_of_a_view_is_written(t, w):
    y = w * 1
    flat, last = y.view(3, 1), y.view(3, 1)[2]
    flat.mul_(w.view(3, 1))
    last -= w[0]
    return y, flat, last


def a_row_of_what_is_turned_is_written(t, w):
    y = w.view(3, 1) * t.ones(3, 3, dtype=w.dtype)
    column = y.transpose(0, 1)[1]
    column *= w
    return y, column


def rows_are_filled(t, w):
    b = t.zeros(2, 3, dtype=w.dtype)
    b[0] = w
    b[1] = w * w
    return b


def a_row_of_a_buffer(t, w):
    b = t.zeros(2, 3, dtype=w.dtype)
    row = b[1]
    row += w
    b[:, 2] = 7.0
    return b


def columns_and_rows(t, w):
    b = t.ones(3, 3, dtype=w.dtype)
    b[:, 1] = w
    b[1, :] = w * 2
    b.transpose(0, 1)[0] = w[0]
    return b


def positions(t, w):
    y = w * 1
    y[t.tensor([0, 2])] = w[:2]
    return y


def a_mask(t, w):
    y = w * 1
    y[y > 1.5] = 0.0
    return y


def one_element(t, w):
    y = w * 1
    y[0] += w[2]
    return y


def wide_values(t, w):
    y = w.view(1, 3) * 1
    y[:, None] = w.view(1, 1, 1, 3)
    return y


def activation(t, w):
    y = w * 1
    y.relu_()
    return y * w


def activation_of_what_is_read_later(t, w):
    x = w * 1
    y = x.sigmoid_()
    return x, y * 2


def the_old_values_are_needed(t, w):
    y = w * 1
    y *= w
    y.sin_()
    return y


def clamped(t, w):
    y = w * 1
    y.clamp_(min=-1.0)
    y.masked_fill_(y > 1.5, 9.0)
    return y


def cleared(t, w):
    y = w * 1
    y.zero_()
    return y + w


def filled(t, w):
    y = w * 1
    y.fill_(3.0)
    return y * w


def copied(t, w):
    y = w * 1
    y.copy_(w * 5)
    return y


def detached(t, w):
    y = w * 1
    d = y.detach()
    d += w
    return d * 1, y * 1


def turned(t, w):
    y = w * 1
    y.unsqueeze_(0)
    y += w
    y.squeeze_().mul_(2.0)
    return y


def part_of_a_part(t, w):
    y = w * 1
    part = y[0:2]
    part[0] = w[2]
    return y, part


def a_copy_is_written(t, w):
    y = w.view(3, 1) * t.ones(3, 2, dtype=w.dtype)
    flat = y.transpose(0, 1).reshape(6)
    flat *= 2.0
    return y, flat


def a_turned_view_is_written(t, w):
    y = w.view(3, 1) * t.ones(3, 3, dtype=w.dtype)
    y.t_()
    y *= w.view(3, 1)
    other = y[:]
    other.t_()
    other[0] *= w + 1
    return y * w, other


def two_views_follow(t, w):
    y = w * 1
    first, last = y[:2], y[1:]
    y *= w
    return first * 2, last


def a_step_of_several(t, w):
    y = w * 1
    y.addcmul_(w, w, value=2.0).lerp_(w * w, w * 0.5)
    y.square_().addcdiv_(w, w * w + 1)
    y.cumprod_(0)
    return y


def without_history_again(t, w):
    y = w * 1
    y.gt_(1.0)
    return y + w


def a_loop(t, w):
    total = w * 0
    for i in range(3):
        total[i] += w[i] * w[0]
        total += w
    return total


PROGRAMS = [
    adds, aliases, subtracts_a_sum, divides, raises, a_view_is_written, a_base_is_written, a_view_of_a_view_is_written,
    rows_are_filled, a_row_of_a_buffer, columns_and_rows, positions, a_mask, one_element, wide_values, activation,
    activation_of_what_is_read_later, the_old_values_are_needed, clamped, cleared, filled, copied, detached, turned,
    part_of_a_part, a_copy_is_written, a_turned_view_is_written, two_views_follow, a_step_of_several,
    without_history_again, a_row_of_what_is_turned_is_written, a_loop,
]  # fmt: skip


def outcome(t, program):
    """The tensors that a program gives, and the gradient of the sum of their squares and cubes."""
    w = t.tensor(W, dtype=t.float64, requires_grad=True)
    outputs = program(t, w)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum((y * y + y * y * y / 3).sum() for y in outputs).backward()
    return [y.detach().numpy() for y in outputs], w.grad.numpy()
