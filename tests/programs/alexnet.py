"""A narrow AlexNet with features, average pooling and a classifier, evaluated with its dropout off."""

import numpy as np
import torch
import torch.nn as nn


class AlexNet(nn.Module):
    def __init__(self, num_classes: int = 10, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(8, 16, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(16, 12, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((3, 3))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(12 * 3 * 3, 32),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(32, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x


rng = np.random.default_rng(7)
model = AlexNet(num_classes=5)
state = {
    k: torch.from_numpy(rng.standard_normal(v.shape) / v[0].numel() ** 0.5).float()
    for k, v in model.state_dict().items()
}
print(model.load_state_dict(state))
model.eval()
x = torch.from_numpy(rng.standard_normal((2, 3, 96, 80))).float()
with torch.no_grad():
    shapes = []
    h = x
    for layer in model.features:
        h = layer(h)
        shapes.append(list(h.shape))
    output = model(x)
probabilities = torch.nn.functional.softmax(output[0], dim=0)
top_prob, top_catid = torch.topk(probabilities, 3)
results = {"shapes": shapes, "output": output, "top_prob": top_prob, "top": top_catid, "text": str(model)}
