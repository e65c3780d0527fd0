"""What has tests of its own instead of a row: names, or ``*.argument`` for an argument of that name wherever it is."""

DRAWING = [
    "ColorJitter", "GaussianBlur", "GaussianNoise", "RandomAdjustSharpness", "RandomAffine", "RandomApply",
    "RandomAutocontrast", "RandomChoice", "RandomCrop", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert",
    "RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize", "RandomVerticalFlip",
]  # fmt: skip
NETWORKS = (
    "get_model list_models fc64 fc256_fc256 simplenet lenet5 keras_convnet small_convnet alexnet AlexNet "
    "alexnet_grouped alexnet_one_tower VGG vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn resnet18 "
    "resnet34 resnet50 resnet101 resnet152 resnet50_keras ResNet ResNetV2 resnet50v2 resnet20 resnet32 resnet44 "
    "resnet56 resnet110 nin SqueezeNet squeezenet1_0 squeezenet1_1 DenseNet densenet121 MobileNetV1 MobileNetV2 "
    "mobilenet_v1 mobilenet_v1_keras mobilenet_v2 mobilenet_v2_keras dcgan_generator dcgan_discriminator "
    "EfficientNet efficientnet_b0 efficientnet_b0_keras efficientnet_b1 efficientnet_b1_keras efficientnet_b2 "
    "efficientnet_b2_keras efficientnet_lite0 Inception3 inception_v3 inception_v3_keras GoogLeNet googlenet "
    "Xception xception xception_keras NASNet nasnet_mobile"
)
BY_FILE = {
    "backend/test_backend.py": "get_default_device set_default_device Tensor.cuda nn.Module.cuda",
    "backend/test_modes.py": "detect_anomaly enable_grad inference_mode is_anomaly_enabled is_grad_enabled no_grad "
    "set_detect_anomaly set_grad_enabled",
    "backend/test_threads.py": "get_num_threads set_num_threads",
    "autograd/test_check.py": "GradcheckError gradgradcheck gradcheck.nondet_tol gradcheck.fast_mode",
    "autograd/test_gradients.py": "Tensor.backward.inputs",
    "data/test_conversion.py": "data.transforms.PILToTensor data.transforms.ToDtype data.transforms.ToImage "
    "data.transforms.ToPILImage data.transforms.ToTensor data.transforms.functional.pil_to_tensor "
    "data.transforms.functional.to_pil_image",
    "data/test_draws.py": "data.transforms.CutMix data.transforms.MixUp data.transforms.RandomErasing "
    "data.transforms.RandomPerspective data.transforms.RandomCrop.pad_if_needed data.transforms.GaussianNoise.sigma "
    "data.transforms.functional.gaussian_noise " + " ".join(f"data.transforms.{name}.generator" for name in DRAWING),
    "data/test_transforms.py": "data.transforms.InterpolationMode data.transforms.Lambda data.transforms.Transform",
    "engine/test_engine.py": "Tensor.backward_steps",
    "engine/test_hooks.py": "Tensor.register_hook Tensor.retain_grad",
    "engine/test_inplace.py": "Tensor.detach_",
    "engine/test_tensor.py": "Tensor Generator manual_seed initial_seed seed",
    "engine/test_errors.py": "grad.only_inputs grad.is_grads_batched",
    "engine/test_fusion.py": "no_fusion",
    "functional/test_functional.py": "functional.dropout functional.dropout2d",
    "functional/test_refusals.py": "*.size_average *.reduce",
    "gpu/test_devices.py": "*.device",
    "interpret/test_patches.py": "interpret.Patches interpret.strongest_patches.batch_size "
    "interpret.occlusion.perturbations_per_eval",
    "interpret/test_pictures.py": "interpret.activation_picture interpret.filter_picture",
    "interpret/test_sanity.py": "interpret.randomization_test",
    "nn/test_dropout.py": "nn.Dropout nn.Dropout1d nn.Dropout2d functional.dropout1d functional.alpha_dropout "
    "nn.AlphaDropout",
    "nn/test_freezing.py": "nn.freeze nn.unfreeze",
    "nn/test_hooks.py": "nn.Module.register_forward_hook nn.Module.register_forward_pre_hook "
    "nn.Module.register_full_backward_hook nn.Module.register_full_backward_pre_hook",
    "nn/test_init.py": "nn.init.sparse_ nn.utils.skip_init",
    "nn/test_inplace.py": "*.inplace",
    "nn/test_lazy.py": " ".join(
        f"nn.Lazy{of}{n}d" for of in ["Conv", "ConvTranspose", "BatchNorm", "InstanceNorm"] for n in "12"
    )
    + " nn.LazyLinear nn.UninitializedBuffer nn.UninitializedParameter",
    "models/test_networks.py": " ".join(f"models.{name}" for name in NETWORKS.split()),
    "models/test_keras_weights.py": "models.load_keras_weights",
    "models/test_surgery.py": "models.FeatureExtractor models.create_feature_extractor models.get_classifier "
    "models.reset_classifier models.list_blocks models.param_groups_layer_decay",
    "models/test_weights.py": "*.weights models.Weights models.get_weight models.list_weights",
    "nn/test_nn.py": "nn.Module nn.Module.forward nn.Module.extra_repr",
    "nn/test_summary.py": "nn.summary summary",
    "nn/test_regularizers.py": "nn.regularizers.L1 nn.regularizers.L2 nn.regularizers.L1L2 nn.regularizers.regularized "
    "nn.regularizers.regularization",
    "optim/test_schedules.py": "optim.lr_scheduler.LRScheduler optim.lr_scheduler.ChainedScheduler.optimizer",
    "ops/test_creation.py": "device set_default_dtype get_rng_state set_rng_state randperm.generator Tensor.to.copy",
    "ops/test_ops.py": "*.sorted",
    "peers/test_torch_arrange.py": "Size",
    "test_files.py": "load save",
}
ELSEWHERE = {name: path for path, names in BY_FILE.items() for name in names.split()}
INSIDE = {"Tensor.data_ptr"}  # of the engine's own use
# What changes nothing here, and what is refused.
INSIDE |= {"*.stable", "*.non_blocking", "repeat_interleave.output_size", "Tensor.repeat_interleave.output_size"}
INSIDE |= {"Tensor.cumsum_.dtype", "Tensor.cumprod_.dtype", "Tensor.true_divide_.rounding_mode"}
INSIDE |= {"unique.dim", "Tensor.unique.dim", "*.foreach"}
