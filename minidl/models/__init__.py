"""Networks, one family a file, made of layers alone, and their weights; how they are trained is up to their users."""

# ruff: noqa: F401, I001
# fmt: off
from minidl.models.registry import get_model, list_models
from minidl.models.weights import Weights, get_weight, list_weights
from minidl.models.keras_weights import load_keras_weights
from minidl.models.mlp import fc256_fc256, fc64, mlp
from minidl.models.simplenet import SimpLeNet, simplenet
from minidl.models.lenet import keras_convnet, lenet5, small_convnet
from minidl.models.alexnet import AlexNet, alexnet, alexnet_grouped, alexnet_one_tower
from minidl.models.vgg import (
    VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn, vgg_style,
)
from minidl.models.resnet import ResNet, resnet101, resnet152, resnet18, resnet34, resnet50, resnet50_keras
from minidl.models.resnet_v2 import ResNetV2, resnet50v2
from minidl.models.resnet_cifar import resnet110, resnet20, resnet32, resnet44, resnet56
from minidl.models.nin import nin
from minidl.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from minidl.models.densenet import DenseNet, densenet121
from minidl.models.mobilenet import (
    MobileNetV1, MobileNetV2, mobilenet_v1, mobilenet_v1_keras, mobilenet_v2, mobilenet_v2_keras,
)
from minidl.models.dcgan import dcgan_discriminator, dcgan_generator
from minidl.models.efficientnet import (
    EfficientNet, efficientnet_b0, efficientnet_b0_keras, efficientnet_b1, efficientnet_b1_keras, efficientnet_b2,
    efficientnet_b2_keras, efficientnet_lite0,
)
from minidl.models.inception import Inception3, inception_v3, inception_v3_keras
from minidl.models.googlenet import GoogLeNet, googlenet
from minidl.models.xception import Xception, xception, xception_keras
from minidl.models.nasnet import NASNet, nasnet_mobile
from minidl.models.classifier import get_classifier, reset_classifier
from minidl.models.feature_extraction import FeatureExtractor, create_feature_extractor
from minidl.models.layer_groups import list_blocks, param_groups_layer_decay
