"""What is measured of a network's outputs, batch by batch: accumulators, which fetch nothing from a GPU until asked.

accuracy = Accuracy()
for images, labels in loader:
    accuracy.update(network(images), labels)
print(accuracy.compute())
"""

from minidl.train.metrics.accuracy import Accuracy as Accuracy
from minidl.train.metrics.accuracy import TopKAccuracy as TopKAccuracy
from minidl.train.metrics.metric import Mean as Mean
from minidl.train.metrics.metric import MeanLoss as MeanLoss
from minidl.train.metrics.metric import Metric as Metric
