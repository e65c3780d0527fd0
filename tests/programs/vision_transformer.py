"""A small vision transformer: patches, a class token, attention by hand, layer norm, positions."""

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(46)


class Attention(nn.Module):
    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = map(lambda t: t.reshape(b, n, self.heads, d // self.heads).transpose(1, 2), (q, k, v))
        dots = torch.matmul(q, k.transpose(-1, -2)) * self.scale
        attn = dots.softmax(dim=-1)
        out = (attn @ v).transpose(1, 2).reshape(b, n, d)
        return self.to_out(out), attn


class Transformer(nn.Module):
    def __init__(self, dim, depth, mlp_dim):
        super().__init__()
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            ff = nn.Sequential(nn.Linear(dim, mlp_dim), nn.GELU(), nn.Linear(mlp_dim, dim))
            self.layers.append(nn.ModuleList([nn.LayerNorm(dim), Attention(dim), nn.LayerNorm(dim), ff]))

    def forward(self, x):
        for norm1, attn, norm2, ff in self.layers:
            y, weights = attn(norm1(x))
            x = x + y
            x = x + ff(norm2(x))
        return x, weights


class ViT(nn.Module):
    def __init__(self, image=8, patch=4, dim=12, classes=3):
        super().__init__()
        self.patch = patch
        num_patches = (image // patch) ** 2
        self.embed = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embedding = nn.Parameter(torch.empty(1, num_patches + 1, dim).normal_(std=0.02))
        self.transformer = Transformer(dim, 2, 16)
        self.head = nn.Linear(dim, classes)

    def forward(self, img):
        x = self.embed(img).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(img.shape[0], -1, -1)
        x = torch.cat((cls, x), dim=1)
        x += self.pos_embedding[:, : x.size(1)]
        x, weights = self.transformer(x)
        return self.head(x[:, 0]), weights


def patches(img, p):
    b, c, h, w = img.shape
    return img.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, p * p * c)


def sinusoidal(seq, dim):
    position = torch.arange(seq, dtype=torch.float).unsqueeze(1)
    div_term = torch.exp(torch.arange(0, dim, 2).float() * (-np.log(10000.0) / dim))
    pe = torch.zeros(seq, dim)
    pe[:, 0::2] = torch.sin(position * div_term)
    pe[:, 1::2] = torch.cos(position * div_term)
    return pe


model = ViT()
for name, p in model.named_parameters():
    p.data.copy_(torch.tensor(rng.normal(0, 0.3, p.shape)))
x = torch.tensor(rng.normal(size=(2, 3, 8, 8)), dtype=torch.float32)
logits, weights = model(x)
logits.logsumexp(-1).sum().backward()
causal = torch.tril(torch.ones(5, 5)).view(1, 5, 5)
masked = torch.zeros(1, 5, 5).masked_fill(causal[:, :5, :5] == 0, float("-inf")).softmax(-1)
results = {
    "logits": logits,
    "rows": weights.sum(-1).mean(),
    "attention": weights[0, 0, 0],
    "cls": model.cls_token.grad.flatten(),
    "patches": patches(x, 4)[0, 3, :5],
    "pe": sinusoidal(3, 4),
    "masked": masked[0, 2],
    "einsum": torch.einsum("bhij->h", weights),
}
