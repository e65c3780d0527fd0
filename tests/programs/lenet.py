"""A small LeNet trained as the sixty minutes' tutorial does, with its running loss and the classes' accuracies."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

rng = np.random.default_rng(6)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return x


net = Net()
for name, param in net.named_parameters():
    if "weight" in name:
        param.data = torch.tensor(rng.normal(0, 1 / np.sqrt(param[0].numel()), param.size()), dtype=torch.float)
    else:
        nn.init.constant_(param, 0.01)

inputs = torch.tensor(rng.normal(size=(24, 3, 32, 32)), dtype=torch.float)
labels = torch.tensor(rng.integers(0, 10, 24))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
running = []
for _ in range(2):
    running_loss = 0.0
    for i in range(0, 24, 8):
        optimizer.zero_grad()
        outputs = net(inputs[i : i + 8])
        loss = criterion(outputs, labels[i : i + 8])
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    running.append(running_loss / 3)

class_correct = list(0.0 for i in range(10))
class_total = list(0.0 for i in range(10))
with torch.no_grad():
    outputs = net(inputs)
    _, predicted = torch.max(outputs.data, 1)
    c = (predicted == labels).squeeze()
    for i in range(24):
        label = labels[i]
        class_correct[label] += c[i].item()
        class_total[label] += 1
results = {
    "running": running,
    "outputs": outputs[:3],
    "total": class_total,
    "count": sum(p.numel() for p in net.parameters() if p.requires_grad),
    "bias_grad": net.conv1.bias.grad,
}
