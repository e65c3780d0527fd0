"""What has tests of its own instead of a row: names, or ``*.argument`` for an argument of that name wherever it is."""

ELSEWHERE: dict[str, str] = {
    "*.device": "gpu/test_devices.py",
    "functional.dropout": "functional/test_functional.py",
    "functional.dropout2d": "functional/test_functional.py",
    "nn.Dropout": "nn/test_dropout.py",
    "nn.Dropout2d": "nn/test_dropout.py",
}
