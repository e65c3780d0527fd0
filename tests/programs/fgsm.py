"""Adversarial examples by the sign of the gradient, with one step and with several that stay within a ball."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(28)
centres = rng.uniform(0.3, 0.7, (3, 36))
labels = torch.from_numpy(rng.integers(0, 3, 60))
images = torch.from_numpy(centres[labels.numpy()] + rng.normal(0, 0.08, (60, 36))).float().clamp(0, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(36, 3)

    def forward(self, x):
        return F.log_softmax(self.fc(torch.flatten(x, 1)), dim=1)


model = Net()
nn.init.zeros_(model.fc.weight)
nn.init.zeros_(model.fc.bias)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(30):
    optimizer.zero_grad()
    F.nll_loss(model(images), labels).backward()
    optimizer.step()


def fgsm_attack(image, epsilon, data_grad):
    sign_data_grad = data_grad.sign()
    perturbed_image = image + epsilon * sign_data_grad
    perturbed_image = torch.clamp(perturbed_image, 0, 1)
    return perturbed_image


def test(model, epsilon):
    correct = 0
    adv_examples = []
    for data, target in zip(images.view(-1, 1, 1, 6, 6), labels.view(-1, 1)):
        data = data.detach().clone()
        data.requires_grad = True
        output = model(data)
        init_pred = output.max(1, keepdim=True)[1]
        if init_pred.item() != target.item():
            continue
        loss = F.nll_loss(output, target)
        model.zero_grad()
        loss.backward()
        data_grad = data.grad.data
        perturbed_data = fgsm_attack(data, epsilon, data_grad)
        output = model(perturbed_data)
        final_pred = output.max(1, keepdim=True)[1]
        if final_pred.item() == target.item():
            correct += 1
        elif len(adv_examples) < 3:
            adv_ex = perturbed_data.squeeze().detach().cpu().numpy()
            adv_examples.append((init_pred.item(), final_pred.item(), float(adv_ex.mean())))
    return correct / float(len(images)), adv_examples


def pgd(x, y, eps, alpha, steps):
    adv = x.clone().detach()
    for _ in range(steps):
        adv.requires_grad_(True)
        (grad,) = torch.autograd.grad(F.nll_loss(model(adv), y), adv)
        adv = adv.detach() + alpha * grad.sign()
        adv = torch.min(torch.max(adv, x - eps), x + eps).clamp(0, 1)
    return adv


adv = pgd(images, labels, 0.08, 0.03, 5)
results = {
    "tests": [test(model, eps) for eps in (0, 0.05, 0.15)],
    "pgd": (model(adv).argmax(1) == labels).float().mean(),
    "distance": (adv - images).abs().max(),
}
