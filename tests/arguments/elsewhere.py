"""What has tests of its own instead of a row: names, or ``*.argument`` for an argument of that name wherever it is."""

BY_FILE = {
    "backend/test_backend.py": "Generator manual_seed get_default_device set_default_device",
    "backend/test_threads.py": "get_num_threads set_num_threads",
    "data/test_data.py": "nn.Module.own_parameters",
    "engine/test_check.py": "GradcheckError gradgradcheck gradcheck.nondet_tol gradcheck.fast_mode",
    "engine/test_engine.py": "Tensor enable_grad is_grad_enabled no_grad Tensor.backward_steps",
    "engine/test_engine_steps.py": "",
    "functional/test_functional.py": "functional.dropout functional.dropout2d",
    "gpu/test_devices.py": "*.device Tensor.cuda",
    "nn/test_dropout.py": "nn.Dropout nn.Dropout2d",
    "nn/test_hooks.py": "nn.Module.register_forward_hook nn.Module.register_forward_pre_hook "
    "nn.Module.register_full_backward_hook nn.Module.register_full_backward_pre_hook",
    "nn/test_nn.py": "nn.Module nn.summary summary models.vgg16 nn.Module.forward",
    "test_files.py": "load save",
}
ELSEWHERE = {name: path for path, names in BY_FILE.items() for name in names.split()}
