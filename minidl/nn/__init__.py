"""Networks: modules, layers, containers, initialisation."""

from minidl.nn import init as init
from minidl.nn.containers import Sequential as Sequential
from minidl.nn.layers import AvgPool2d as AvgPool2d
from minidl.nn.layers import BatchNorm1d as BatchNorm1d
from minidl.nn.layers import BatchNorm2d as BatchNorm2d
from minidl.nn.layers import Conv2d as Conv2d
from minidl.nn.layers import CrossEntropyLoss as CrossEntropyLoss
from minidl.nn.layers import Dropout as Dropout
from minidl.nn.layers import Flatten as Flatten
from minidl.nn.layers import Linear as Linear
from minidl.nn.layers import MaxPool2d as MaxPool2d
from minidl.nn.layers import ReLU as ReLU
from minidl.nn.module import Module as Module
from minidl.nn.module import Parameter as Parameter
from minidl.nn.summary import summary as summary
