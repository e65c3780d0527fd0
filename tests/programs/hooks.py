"""Activations and gradients through hooks by name, a hook that changes an output, statistics, shapes of a summary."""

from collections import OrderedDict, defaultdict

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(40)
model = nn.Sequential(
    OrderedDict(
        [
            ("conv1", nn.Conv2d(1, 4, 3)),
            ("relu1", nn.ReLU()),
            ("pool1", nn.MaxPool2d(2)),
            ("flatten", nn.Flatten()),
            ("fc", nn.Linear(4 * 9, 3)),
        ]
    )
)
for p in model.parameters():
    p.data.copy_(torch.from_numpy(rng.normal(0, 0.4, p.shape)))
x = torch.from_numpy(rng.normal(size=(2, 1, 8, 8))).float()
activation = {}


def get_activation(name):
    def hook(model, input, output):
        activation[name] = output.detach()

    return hook


handles = [module.register_forward_hook(get_activation(name)) for name, module in model.named_modules() if name]
output = model(x)
for h in handles:
    h.remove()

summary = OrderedDict()


def register_hook(module):
    def hook(module, input, output):
        class_name = str(module.__class__).split(".")[-1].split("'")[0]
        m_key = "%s-%i" % (class_name, len(summary) + 1)
        summary[m_key] = [list(input[0].size()), list(output.size()), sum(p.numel() for p in module.parameters())]

    if not isinstance(module, nn.Sequential):
        handles.append(module.register_forward_hook(hook))


handles = []
model.apply(register_hook)
with torch.no_grad():
    model(x)
for h in handles:
    h.remove()

gradients = defaultdict(list)
for name, p in model.named_parameters():
    p.register_hook(lambda grad, name=name: gradients[name].append(grad.norm().item()))
back = model.fc.register_full_backward_hook(lambda m, gi, go: gradients["fc out"].append(go[0].sum().item()))
pre = model.conv1.register_forward_pre_hook(lambda m, inputs: (inputs[0] * 2,))
double = model.relu1.register_forward_hook(lambda m, i, o: o * 0.5)
model(x).pow(2).sum().backward()
changed = model(x).detach()
for h in (back, pre, double):
    h.remove()
results = {
    "activation": {name: [a.mean().item(), a.std().item(), tuple(a.shape)] for name, a in activation.items()},
    "summary": summary,
    "gradients": dict(sorted(gradients.items())),
    "changed": changed,
    "back": torch.equal(model(x), output),
    "names": [n for n, _ in model.named_children()],
}
