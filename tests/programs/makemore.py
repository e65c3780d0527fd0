"""Names letter by letter: counted bigrams, then embeddings and a hidden layer trained by hand."""

import numpy as np
import torch
import torch.nn.functional as F

words = ["anna", "otto", "emma", "lena", "nora", "theo", "ona", "tom", "ana", "mona"]
chars = sorted(set("".join(words)))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi["."] = 0
itos = {i: s for s, i in stoi.items()}
V = len(itos)

N = torch.zeros((V, V), dtype=torch.int32)
for w in words:
    chs = ["."] + list(w) + ["."]
    for ch1, ch2 in zip(chs, chs[1:]):
        N[stoi[ch1], stoi[ch2]] += 1
P = (N + 1).float()
P /= P.sum(1, keepdims=True)
log_likelihood = 0.0
n = 0
for w in words:
    chs = ["."] + list(w) + ["."]
    for ch1, ch2 in zip(chs, chs[1:]):
        log_likelihood += torch.log(P[stoi[ch1], stoi[ch2]])
        n += 1
nll = -log_likelihood / n

block_size = 3
X, Y = [], []
for w in words:
    context = [0] * block_size
    for ch in w + ".":
        ix = stoi[ch]
        X.append(context)
        Y.append(ix)
        context = context[1:] + [ix]
X, Y = torch.tensor(X), torch.tensor(Y)

rng = np.random.default_rng(41)
C = torch.tensor(rng.normal(size=(V, 2)), dtype=torch.float32)
W1 = torch.tensor(rng.normal(size=(6, 20)), dtype=torch.float32) * (5 / 3) / 6**0.5
b1 = torch.tensor(rng.normal(size=20), dtype=torch.float32) * 0.01
W2 = torch.tensor(rng.normal(size=(20, V)), dtype=torch.float32) * 0.1
b2 = torch.zeros(V)
parameters = [C, W1, b1, W2, b2]
for p in parameters:
    p.requires_grad = True
lossi = []
for i in range(8):
    emb = C[X]
    h = torch.tanh(emb.view(-1, 6) @ W1 + b1)
    logits = h @ W2 + b2
    loss = F.cross_entropy(logits, Y)
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.5 if i < 5 else 0.1
    for p in parameters:
        p.data += -lr * p.grad
    lossi.append(loss.log10().item())
probs = F.softmax(logits[:1], dim=1)
xenc = F.one_hot(X[:, -1], num_classes=V).float()
best = "".join(itos[i.item()] for i in logits.argmax(1)[:5])
ratio = [(0.1 * p.grad.std() / p.data.std()).log10().item() for p in parameters]
saturated = (h.abs() > 0.97).float().mean()
g = torch.Generator().manual_seed(2147483647)
drawn = torch.multinomial(P[0], num_samples=1, replacement=True, generator=g).item()
results = {
    "N": N[0],
    "nll": nll.item(),
    "examples": [X[5].tolist(), len(X), Y.shape[0]],
    "lossi": lossi,
    "probs": probs,
    "xenc": xenc.sum(0),
    "best": best,
    "ratio": ratio,
    "saturated": saturated,
    "drawn": 0 <= drawn < V,
}
