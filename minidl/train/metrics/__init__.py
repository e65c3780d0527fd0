"""What is measured of a network's outputs, batch by batch: accumulators, which fetch nothing from a GPU until asked.

::

    accuracy = Accuracy()
    for images, labels in loader:
        accuracy.update(network(images), labels)
    print(accuracy.compute())
"""

from minidl.train.metrics.accuracy import Accuracy as Accuracy
from minidl.train.metrics.accuracy import TopKAccuracy as TopKAccuracy
from minidl.train.metrics.calibration import CalibrationError as CalibrationError
from minidl.train.metrics.confusion import ConfusionMatrix as ConfusionMatrix
from minidl.train.metrics.confusion import F1Score as F1Score
from minidl.train.metrics.confusion import Precision as Precision
from minidl.train.metrics.confusion import Recall as Recall
from minidl.train.metrics.metric import Mean as Mean
from minidl.train.metrics.metric import MeanLoss as MeanLoss
from minidl.train.metrics.metric import Metric as Metric
from minidl.train.metrics.roc_auc import ROCAUC as ROCAUC
