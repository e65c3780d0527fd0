"""Skip-gram with negative samples: a data set with a function of its own that makes batches, two tables, analogies."""

from collections import Counter

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

corpus = (
    "the king rules the land . the queen rules the land . the man walks the dog . "
    "the woman walks the dog . a king is a man . a queen is a woman ."
).split()
counts = Counter(corpus)
vocab = [w for w, _ in sorted(counts.items(), key=lambda p: (-p[1], p[0]))]
index = {w: i for i, w in enumerate(vocab)}
ids = torch.tensor([index[w] for w in corpus])
rng = np.random.default_rng(0)


class SkipGram(Dataset):
    def __init__(self, ids, window=2):
        self.pairs = [
            (ids[i], ids[j])
            for i in range(len(ids))
            for j in range(max(0, i - window), min(len(ids), i + window + 1))
            if i != j
        ]

    def __getitem__(self, i):
        return self.pairs[i]

    def __len__(self):
        return len(self.pairs)


weights = torch.tensor([counts[w] for w in vocab], dtype=torch.float).pow(0.75)
weights /= weights.sum()


def collate(pairs, negatives=3):
    centre, context = map(torch.stack, zip(*pairs))
    drawn = torch.from_numpy(
        rng.choice(
            len(vocab),
            size=(len(pairs), negatives),
            p=weights.numpy().astype(np.float64) / weights.numpy().astype(np.float64).sum(),
        )
    )
    mask = drawn.ne(context[:, None])
    return centre, torch.cat([context[:, None], drawn], dim=1), F.pad(mask.float(), (1, 0), value=1.0)


class Word2Vec(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.centre = nn.Embedding(size, dim)
        self.context = nn.Embedding(size, dim, padding_idx=size - 1)

    def forward(self, c, o):
        return torch.bmm(self.context(o), self.centre(c).unsqueeze(2)).squeeze(2)


model = Word2Vec(len(vocab), 10)
with torch.no_grad():
    for i, e in enumerate((model.centre, model.context)):
        e.weight.uniform_(-0.1, 0.1)
        e.weight.copy_(
            torch.from_numpy(np.sin(np.arange(e.weight.numel()) * 0.77 + i).reshape(e.weight.shape).astype("f4")) * 0.1
        )
        if e.padding_idx is not None:
            e.weight[e.padding_idx].fill_(0)

pairs = SkipGram(ids)
loader = DataLoader(pairs, batch_sampler=BatchSampler(SequentialSampler(pairs), 32, drop_last=True), collate_fn=collate)
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
losses = []
for epoch in range(5):
    total = torch.zeros(())
    for c, o, mask in loader:
        scores = model(c, o)
        target = torch.zeros_like(scores)
        target[:, 0] = 1
        loss = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
        loss = (loss * mask).sum(1) / mask.sum(1)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        total += loss.detach().sum()
    losses.append(float(total) / len(pairs))

table = F.normalize(model.centre.weight.detach(), dim=1)
similar = table @ table.T
similar.fill_diagonal_(-1)
best = similar.max(dim=1)
king = table[index["king"]] - table[index["man"]] + table[index["woman"]]
ranked = torch.cosine_similarity(king[None], table).argsort(descending=True)
frozen = nn.Embedding.from_pretrained(table)
results = {
    "losses": losses,
    "batches": len(loader),
    "pairs": len(pairs),
    "best": best.values,
    "nearest": [vocab[i] for i in best.indices.tolist()],
    "ranked": [vocab[i] for i in ranked[:4]],
    "padding": model.context.weight[-1],
    "frozen": [frozen.weight.requires_grad, torch.equal(frozen(torch.tensor([2])), table[2:3])],
    "count": torch.bincount(ids, minlength=len(vocab)),
}
