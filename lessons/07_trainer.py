# %% [markdown]
# # 07 · Count, fit, and let others watch
#
# The convnet that Keras shows to everybody, trained by a `Trainer`: `fit`, callbacks, a history. And an audit: where
# the parameters of a convnet sit, what pooling is for, and a number on a well-known slide that cannot be true. About 25
# minutes; you need lesson 06.

# %%
import numpy as np

import minidl as md
from minidl import nn, optim, train
from minidl.learn import Lesson, check, plots
from minidl.train import callbacks, metrics

lesson = Lesson("07")

# %% [markdown]
# ## 1. Predict: count it
#
# From 1×28×28: convolution 3×3 to 32 channels, pooling 2×2; convolution 3×3 to 64, pooling 2×2; flatten, dropout, dense
# to 10. How many parameters has each layer, and how many are there in all? Then run.

# %%
network = md.models.keras_convnet()
print(nn.summary(network, (1, 28, 28)))

# %% [markdown]
# A convolution has outputs · (inputs · k · k + 1), a dense layer outputs · (inputs + 1); pooling, relu and dropout have
# none. Exercise: write it as a function, so that you never need to look it up.

# %%
def parameters(kind, inputs, outputs, kernel=1, bias=True):
    """The number of parameters of a layer; `kind` is "conv" or "dense"."""
    raise NotImplementedError

check("07.1", parameters)

# %% [markdown]
# ## 2. Predict, then investigate: the slide
#
# A lecture asks what happens *without pooling*: three convolutions of 3×3, to 32, 64 and 64, then a dense layer of 512.
# The slide says that flatten leaves 36,928 numbers, «so the dense layer has 36928 × 512 = 15.8 million weights». One of
# the two numbers is wrong. Which one, and where does it come from?

# %%
with_pooling = md.models.small_convnet()
without = md.models.small_convnet(pooling=False, hidden=512)
for name, net in {"with pooling": with_pooling, "without": without}.items():
    convolutions = sum(p.numel() for layer in net if isinstance(layer, nn.Conv2d) for p in layer.parameters())
    dense = next(layer for layer in net if isinstance(layer, nn.Linear))
    product = f"{dense.in_features:,} × {dense.out_features} = {dense.weight.numel():,}"
    print(f"{name}: {convolutions:,} in convolutions, {product} in the first dense layer")
print(" and ".join(f"{sum(p.numel() for p in net.parameters()):,}" for net in (with_pooling, without)), "in all")
print(f"36928 × 512 = {36928 * 512:,}")

# %% [markdown]
# 36,928 is the number of *parameters* of the third convolution, 64·(64·9 + 1): it was copied from the wrong column of
# the summary. Without pooling, each 3×3 takes a pixel off every side, 28 → 26 → 24 → 22; so flatten leaves 22·22·64 =
# 30,976, and 30,976 × 512 is the 15.86 million of which the slide speaks; its own 36928 × 512 would be 18.9. Shapes are
# not parameters. And pooling is not about accuracy first: it leaves 576 features of 30,976, a 54th; the same 512
# outputs have 295 thousand weights then. (With 64 outputs, as above, it is 37 thousand.)
#
# ## 3. Run: fit
#
# A `Trainer` holds a network, a loss and an optimizer together. `fit` is the loop that you wrote in lesson 03 and met
# again in lesson 06, with a look at *validation* digits after each epoch; it returns a `History`. These digits, the
# last tenth of the training set, are put aside and only watched, never learnt from. The test set is looked at once, at
# the very end.

# %%
train_set, test_set = md.data.MNIST(), md.data.MNIST(train=False)
seeds, epochs, most = {"ci": (1, 2, 800), "core": (1, 3, 60_000), "full": (3, 12, 60_000)}[lesson.profile]
most = min(most, len(train_set))
learn_from = md.data.Subset(train_set, range(most * 9 // 10))
watch = md.data.Subset(train_set, range(most * 9 // 10, most))
size = f"{len(learn_from):,} + {len(watch):,} + {len(test_set):,} digits" + ", a subset of MNIST" * (most < 60_000)

def fit(seed, *more, epochs=epochs):
    """A trained convnet in its trainer, and its history."""
    md.manual_seed(seed)
    network = md.models.keras_convnet()
    optimizer = optim.Adam(network.parameters(), lr=1e-3)
    trainer = train.Trainer(network, nn.CrossEntropyLoss(), optimizer, metrics=[metrics.Accuracy()])
    told = dict(validation_data=watch, callbacks=more, verbose=2)
    return trainer, trainer.fit(learn_from, batch_size=128, epochs=epochs, **told)

trainer, history = fit(lesson.seed)
print(history)
lesson.show(history.plot(), "history")

# %% [markdown]
# ## 4. Predict: why is training worse than validation?
#
# In the first epochs the accuracy on *new* digits is higher than on those that the network learns from. Two reasons,
# both harmless: which?

# %%
measured = history["accuracy"][-1]
again = trainer.evaluate(md.data.DataLoader(learn_from, 500))["accuracy"]
print(f"training accuracy while it learnt {measured:.2%}, the same digits read again at the end {again:.2%}")

# %% [markdown]
# While it learns, half of the last layer's inputs are dropped, and the number is a mean over an epoch in which the
# network has become better. Read again, in evaluation mode, the same digits do better than new ones: as they should.
#
# ## 5. Make: callbacks
#
# What is to be done *around* training is not written into the loop: callbacks are told of its moments. `EarlyStopping`
# ends a training that no longer improves, `ModelCheckpoint` keeps the best weights, `CSVLogger` writes every epoch
# down. Your own is a class with the moments that it wants:

# %%
class Confidence(train.callbacks.Callback):
    """How sure the network is of a few digits after each epoch: the mean probability of its answers."""

    def __init__(self, images):
        self.images, self.means = images, []

    @md.no_grad()
    def on_epoch_end(self, epoch, logs):
        self.model.eval()
        self.means.append(self.model(self.images).softmax(1).amax(1).mean().item())
        self.model.train()

confidence = Confidence(next(iter(md.data.DataLoader(watch, 80)))[0])
stopping = callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
log = callbacks.CSVLogger(lesson.out / "log.csv")
trainer, history = fit(lesson.seed + 1, confidence, stopping, log, epochs=min(epochs, 3))
print("how sure:", " → ".join(f"{mean:.1%}" for mean in confidence.means))
print((lesson.out / "log.csv").read_text().splitlines()[-1])

# %% [markdown]
# Exercise: the heart of `EarlyStopping`. An epoch is *better* if its validation loss is below the best so far by more
# than `min_delta`; after `patience` epochs in a row without a better one, training stops. Given the losses of all
# epochs: at which does it stop, and whose weights does it keep?

# %%
def stop(losses, patience, min_delta=0.0):
    """The number of the epoch after which training stops (the last, if it does not), and of the best one, from 0 on."""
    raise NotImplementedError

check("07.2", stop)

# %% [markdown]
# ## 6. Predict, then run: the number
#
# Keras' documentation says 99.13 % on MNIST's test set after 12 epochs. Now, once, the test set: what will it be here?

# %%
results = []
for seed in range(lesson.seed, lesson.seed + seeds):
    trainer, _ = fit(seed)
    score = trainer.evaluate(md.data.DataLoader(test_set, 500))["accuracy"]
    results.append(dict(seed=seed, error=1 - score))
    print(f"seed {seed}: {score:.2%} of the test digits are read right ({size})")
errors = [result["error"] for result in results]
spread = f" ± {100 * np.std(errors, ddof=1):.2f}" if seeds > 1 else ""
print(f"Keras' example: 99.13 %; here {100 * (1 - np.mean(errors)):.2f} %{spread}, {epochs} epochs, {seeds} seeds")

# %% [markdown]
# ## 7. Investigate: what is taken for what
#
# A metric is an accumulator too, and a confusion matrix is one. Row: the label. Column: what was read.

# %%
matrix = metrics.ConfusionMatrix(10)
for images, labels in md.data.DataLoader(test_set, 500):
    with md.no_grad():
        matrix.update(trainer.model.eval()(images), labels)
lesson.show(plots.confusion(np.asarray(matrix.compute()), "0123456789"), "confusion")

# %% [markdown]
# ## 8. Modify and make
#
# - Modify: `dropout=0.0`. What becomes of the two curves of step 3, and of the test error?
# - Modify: average pooling instead of maximum. Predict the number of parameters first.
# - Make: a callback that stops training when a file named `stop` appears. Which moment is the right one?

# %%
lesson.record(f"MNIST, {size.partition(' digits')[0]}", lesson.device, {"Keras convnet": results})
print(f"{100 * (1 - np.mean(errors)):.2f} % right ({size}); {lesson.seconds:.0f} s in all")
