"""Training as people do it: trainer, callbacks, metrics, checkpoints, search. How networks are built is not known here.

trainer = Trainer(network, nn.CrossEntropyLoss(), optim.Adam(network.parameters()), metrics=[metrics.Accuracy()])
history = trainer.fit(train_set, epochs=10, validation_data=test_set, callbacks=[callbacks.EarlyStopping(patience=2)])
print(history)
"""

from minidl.train import callbacks as callbacks
from minidl.train import metrics as metrics
from minidl.train import search as search
from minidl.train import transfer as transfer
from minidl.train.checkpoint import Checkpoints as Checkpoints
from minidl.train.history import History as History
from minidl.train.trainer import Trainer as Trainer
