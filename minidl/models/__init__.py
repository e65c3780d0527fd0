"""Networks, one family a file, made of layers alone: how they are trained is up to whoever uses them."""

from minidl.models.mlp import mlp as mlp
from minidl.models.simplenet import SimpLeNet as SimpLeNet
from minidl.models.vgg import VGG as VGG
from minidl.models.vgg import vgg16 as vgg16
from minidl.models.vgg import vgg_style as vgg_style
