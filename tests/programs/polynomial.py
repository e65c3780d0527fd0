"""A cubic fitted to the sine three times: gradients by hand, by autograd, and as a Module of one's own."""

import math

import torch

x = torch.linspace(-math.pi, math.pi, 200)
y = torch.sin(x)

a, b, c, d = (torch.full((), v) for v in (0.1, -0.2, 0.3, 0.4))
learning_rate = 1e-4
for _ in range(50):
    y_pred = a + b * x + c * x**2 + d * x**3
    grad_y_pred = 2.0 * (y_pred - y) / 10
    a -= learning_rate * grad_y_pred.sum()
    b -= learning_rate * (grad_y_pred * x).sum()
    c -= learning_rate * (grad_y_pred * x**2).sum()
    d -= learning_rate * (grad_y_pred * x**3).sum()
by_hand = [a.item(), b.item(), c.item(), d.item()]

params = [torch.tensor(v, requires_grad=True) for v in (0.1, -0.2, 0.3, 0.4)]
for _ in range(50):
    y_pred = sum(p * x**i for i, p in enumerate(params))
    loss = (y_pred - y).pow(2).sum() / 10
    loss.backward()
    with torch.no_grad():
        for p in params:
            p -= learning_rate * p.grad
            p.grad = None
by_autograd = [p.item() for p in params]


class Polynomial3(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(0.1))
        self.b = torch.nn.Parameter(torch.tensor(-0.2))
        self.c = torch.nn.Parameter(torch.tensor(0.3))
        self.d = torch.nn.Parameter(torch.tensor(0.4))

    def forward(self, x):
        return self.a + self.b * x + self.c * x**2 + self.d * x**3

    def string(self):
        return f"y = {self.a.item():.3f} + {self.b.item():.3f} x + {self.c.item():.3f} x^2 + {self.d.item():.3f} x^3"


model = Polynomial3()
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
for _ in range(50):
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
results = {"by_hand": by_hand, "by_autograd": by_autograd, "as_module": model.string(), "loss": loss.item()}
