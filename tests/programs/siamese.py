"""One network for two inputs, weights tied between layers, a module that is called twice, parameters in lists."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(48)


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.cnn1 = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(1, 4, kernel_size=3), nn.ReLU(inplace=True), nn.BatchNorm2d(4)
        )
        self.fc1 = nn.Sequential(nn.Linear(4 * 6 * 6, 10), nn.ReLU(inplace=True), nn.Linear(10, 3))

    def forward_once(self, x):
        output = self.cnn1(x)
        output = output.view(output.size()[0], -1)
        output = self.fc1(output)
        return output

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        euclidean_distance = F.pairwise_distance(output1, output2)
        return torch.mean(
            (1 - label) * torch.pow(euclidean_distance, 2)
            + (label) * torch.pow(torch.clamp(self.margin - euclidean_distance, min=0.0), 2)
        )


class MyDense(nn.Module):
    def __init__(self):
        super(MyDense, self).__init__()
        self.params = nn.ParameterList([nn.Parameter(torch.full((4, 4), 0.1 * (i + 1))) for i in range(3)])
        self.extra = nn.ParameterDict(
            {"linear1": nn.Parameter(torch.eye(4)), "linear2": nn.Parameter(torch.ones(4, 1))}
        )
        self.params.append(nn.Parameter(torch.ones(4, 1)))

    def forward(self, x, choice="linear2"):
        for i in range(len(self.params)):
            x = torch.mm(x, self.params[i])
        return x * self.extra[choice].sum()


net = SiameseNetwork()
for p in net.parameters():
    p.data = torch.tensor(rng.normal(0, 0.3, p.shape), dtype=torch.float)
a, b = (torch.tensor(rng.normal(size=(6, 1, 6, 6)), dtype=torch.float) for _ in range(2))
label = torch.tensor([0.0, 1, 1, 0, 0, 1])
criterion, optimizer = ContrastiveLoss(), torch.optim.Adam(net.parameters(), lr=0.0005)
history = []
for _ in range(3):
    optimizer.zero_grad()
    output1, output2 = net(a, b)
    loss_contrastive = criterion(output1, output2, label)
    loss_contrastive.backward()
    optimizer.step()
    history.append(loss_contrastive.item())

shared = nn.Linear(4, 4)
nn.init.constant_(shared.weight, 0.2)
nn.init.constant_(shared.bias, 0.1)
tied = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(4, 1))
for p in tied[0].parameters():
    p.data[:] = 0.5
tied[:6](torch.ones(2, 4)).sum().backward()
dense = MyDense()
out = dense(torch.ones(1, 4))
out.backward()
results = {
    "history": history,
    "tracked": net.cnn1[3].num_batches_tracked.item(),
    "tied": [tied[2] is tied[4], len(list(tied.parameters())), len(tied.state_dict()), shared.weight.grad[0]],
    "keys": [n for n, _ in dense.named_parameters()],
    "out": out,
    "grad": dense.params[3].grad.flatten(),
}
