"""A spatial transformer: a network that looks where it wants to, from the identity on; warps by a flow."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

rng = np.random.default_rng(31)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.localization = nn.Sequential(nn.Conv2d(1, 4, kernel_size=5), nn.MaxPool2d(2, stride=2), nn.ReLU(True))
        self.fc_loc = nn.Sequential(nn.Linear(4 * 4 * 4, 8), nn.ReLU(True), nn.Linear(8, 3 * 2))
        self.conv1 = nn.Conv2d(1, 3, kernel_size=5)
        self.fc1 = nn.Linear(3 * 4 * 4, 5)

    def stn(self, x):
        xs = self.localization(x)
        xs = xs.view(-1, 4 * 4 * 4)
        theta = self.fc_loc(xs)
        theta = theta.view(-1, 2, 3)
        grid = F.affine_grid(theta, x.size(), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)

    def forward(self, x):
        x = self.stn(x)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = x.view(-1, 3 * 4 * 4)
        return F.log_softmax(self.fc1(x), dim=1)


model = Net()
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.normal(0.0, 0.2, p.shape)))
model.fc_loc[2].weight.data.mul_(0.1)
model.fc_loc[2].bias.data.copy_(torch.tensor([1, 0.1, 0.05, -0.1, 1, 0.03], dtype=torch.float))
optimizer = optim.SGD(model.parameters(), lr=0.05)
data = torch.from_numpy(rng.normal(0.0, 1.0, (6, 1, 12, 12))).float()
target = torch.tensor([0, 1, 2, 3, 4, 0])
losses = []
for epoch in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(model(data), target)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
with torch.no_grad():
    seen = model.stn(data)

# backward warping by a flow, in pixels
flow = torch.from_numpy(rng.normal(0.0, 1.5, (6, 12, 12, 2))).float().requires_grad_()
ys, xs = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
places = (torch.stack([xs, ys], dim=-1) + flow) / 11 * 2 - 1
warped = F.grid_sample(data, places, mode="bilinear", padding_mode="border", align_corners=True)
((warped - data) ** 2).mean().backward()

results = {
    "losses": losses,
    "theta": model.fc_loc[2].bias,
    "seen": seen.mean(dim=(1, 2, 3)),
    "warped": warped[0, 0, 3],
    "flow": flow.grad.abs().sum(),
}
