"""Class activation maps from the last weights, and Grad-CAM through a forward and a backward hook."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(29)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 3, padding=1), nn.ReLU()
        )
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        return self.fc(self.gap(self.features(x)).flatten(1))


class GradCam:
    def __init__(self, model, layer):
        self.model, self.activations, self.gradients = model, None, None
        self.handles = [
            layer.register_forward_hook(self.save_activation),
            layer.register_full_backward_hook(self.save_gradient),
        ]

    def save_activation(self, module, input, output):
        self.activations = output.detach()

    def save_gradient(self, module, grad_input, grad_output):
        self.gradients = grad_output[0].detach()

    def __call__(self, x, target=None):
        output = self.model(x)
        if target is None:
            target = np.argmax(output.cpu().data.numpy())
        one_hot = torch.zeros((1, output.size()[-1]), dtype=torch.float32)
        one_hot[0][target] = 1
        self.model.zero_grad()
        torch.sum(one_hot * output).backward(retain_graph=True)
        weights = self.gradients.mean(dim=(2, 3), keepdim=True)
        cam = F.relu((weights * self.activations).sum(dim=1, keepdim=True))
        cam = F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)
        cam = cam - cam.min()
        return (cam / (1e-7 + cam.max())).squeeze().numpy()

    def remove(self):
        for handle in self.handles:
            handle.remove()


model = Net()
model.load_state_dict(
    {k: torch.from_numpy(rng.normal(0, 0.4, v.size())).float() for k, v in model.state_dict().items()}
)
model.eval()
x = torch.from_numpy(rng.normal(size=(1, 3, 12, 12))).float()
grad_cam = GradCam(model, model.features[3])
first, second = grad_cam(x), grad_cam(x, target=2)
grad_cam.remove()
before = grad_cam.activations
model(x * 2)

params = list(model.parameters())
weight_softmax = np.squeeze(params[-2].data.numpy())
feature = model.features(x)
bz, nc, h, w = feature.shape
cam = weight_softmax[1].dot(feature.detach().numpy().reshape((nc, h * w))).reshape(h, w)
cam = np.uint8(255 * (cam - np.min(cam)) / np.max(cam - np.min(cam)))
results = {
    "grad_cam": [first[5], second[5]],
    "removed": grad_cam.activations is before,
    "cam": cam[2] // 8,
    "gradients": grad_cam.gradients.sum(dim=[0, 2, 3]),
}
