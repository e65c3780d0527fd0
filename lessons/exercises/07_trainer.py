"""The exercises of lesson 07."""

from types import SimpleNamespace

from minidl import nn
from minidl.learn.exercise import Exercise, call
from minidl.nn import Conv2d, Linear
from minidl.train.callbacks import EarlyStopping

# --- 07.1 -------------------------------------------------------------------------------------------------------------

count = Exercise(
    "07.1",
    "counting parameters",
    minutes=5,
    difficulty=1,
    purpose="A network that is too large shows in this number before it shows anywhere else.",
    hints=[
        "How many weights has *one* output? Then times the outputs, and a bias for each.",
        "One output of a convolution has inputs * kernel * kernel weights, whatever the size of the image.",
        "outputs * (inputs * kernel**2 + bias) for a convolution; a dense layer has no kernel.",
    ],
)


@count.solution
def parameters(kind, inputs, outputs, kernel=1, bias=True):
    """The number of parameters of a layer; `kind` is "conv" or "dense"."""
    window = kernel**2 if kind == "conv" else 1
    return outputs * (inputs * window + bias)


@count.calls
def count_calls():
    yield call("dense", 1600, 10)
    yield call("conv", 1, 32, kernel=3)
    yield call("conv", 64, 64, kernel=3)
    yield call("conv", 3, 8, kernel=5, bias=False)
    yield call("dense", 7, 4, kernel=3, bias=False)


@count.expected
def counted(kind, inputs, outputs, kernel=1, bias=True):
    layer: nn.Module = (
        Conv2d(inputs, outputs, kernel, bias=bias) if kind == "conv" else Linear(inputs, outputs, bias=bias)
    )
    return sum(p.numel() for p in layer.parameters())


@count.wrong("the biases are forgotten")
def without_biases(kind, inputs, outputs, kernel=1, bias=True):
    return parameters(kind, inputs, outputs, kernel, False)


@count.wrong("there is a bias for each weight of an output, not one for the output")
def a_bias_each(kind, inputs, outputs, kernel=1, bias=True):
    return parameters(kind, inputs, outputs, kernel, False) * (1 + bias)


@count.wrong("a window has kernel weights, not kernel · kernel")
def one_sided(kind, inputs, outputs, kernel=1, bias=True):
    return outputs * (inputs * (kernel if kind == "conv" else 1) + bias)


@count.wrong("a filter is taken to have one channel, whatever the input has")
def flat(kind, inputs, outputs, kernel=1, bias=True):
    return parameters(kind, 1 if kind == "conv" else inputs, outputs, kernel, bias)


# --- 07.2 -------------------------------------------------------------------------------------------------------------

stopping = Exercise(
    "07.2",
    "stopping early",
    minutes=10,
    difficulty=2,
    purpose="Off by one here, and the weights that you report are not those that you keep.",
    hints=[
        "Keep the best loss so far, its epoch, and how many epochs have passed without a better one.",
        "Better means: lower by *more* than min_delta.",
        "After each epoch that is not better: waited += 1; stop when waited >= patience.",
    ],
    forbidden=["EarlyStopping"],
)


@stopping.solution
def stop(losses, patience, min_delta=0.0):
    """The number of the epoch after which training stops (the last, if it does not), and of the best one, from 0 on."""
    best, best_epoch = losses[0], 0
    for epoch, loss in enumerate(losses):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses) - 1, best_epoch


@stopping.calls
def stopping_calls():
    yield call([1.0, 0.5, 0.6, 0.7, 0.4], 2)
    yield call([1.0, 0.8, 0.9, 0.7, 0.75, 0.74, 0.73, 0.72], 3)
    yield call([3.0, 2.0, 1.0], 2)
    yield call([3.0, 1.0, 2.0], 5)
    yield call([1.0, 0.95, 0.9, 0.85, 0.2], 2, min_delta=0.12)
    yield call([1.0, 0.75, 0.5, 0.5, 0.5], 1)


@stopping.expected
def stopped(losses, patience, min_delta=0.0):
    """By the library's own callback, told of each epoch."""
    callback = EarlyStopping("val_loss", min_delta, patience, mode="min")
    callback.trainer = trainer = SimpleNamespace(stop_training=False)
    callback.on_train_begin({})
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if trainer.stop_training:
            return epoch, callback.best_epoch
    return len(losses) - 1, callback.best_epoch


@stopping.wrong("an epoch that is as good counts as better")
def as_good(losses, patience, min_delta=0.0):
    best, best_epoch = losses[0], 0
    for epoch, loss in enumerate(losses):
        if loss <= best - min_delta:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses) - 1, best_epoch


@stopping.wrong("it waits one epoch too long")
def too_patient(losses, patience, min_delta=0.0):
    return stop(losses, patience + 1, min_delta)


@stopping.wrong("it compares with the epoch before, not with the best")
def with_the_last(losses, patience, min_delta=0.0):
    waited, best_epoch = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[epoch - 1] - min_delta:
            waited, best_epoch = 0, epoch
        else:
            waited += 1
        if waited >= patience:
            return epoch, best_epoch
    return len(losses) - 1, best_epoch


@stopping.wrong("min_delta is not used")
def any_change(losses, patience, min_delta=0.0):
    return stop(losses, patience)


@stopping.wrong("it keeps the last epoch, where the best was asked for")
def keeps_the_last(losses, patience, min_delta=0.0):
    epoch, _ = stop(losses, patience, min_delta)
    return epoch, epoch
