"""A search whose trials run on ranks: ``mpiexec -n 2 python -m mpi4py.futures searched.py FILE``."""

import os
import sys

import minidl as md
from minidl import nn, optim
from minidl.train import Trainer, search


def objective(trial):
    """The loss of a small training, and on the way which process it was."""
    md.manual_seed(trial.seed)
    if trial["width"] == 3:
        raise ValueError(f"no width of {trial['width']}")
    net = nn.Sequential(nn.Linear(2, trial["width"]), nn.Tanh(), nn.Linear(trial["width"], 1))
    trainer = Trainer(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=trial["lr"]))
    x = md.randn(16, 2)
    return trainer.fit(x, x.sum(1, keepdim=True), epochs=trial.budget or 2, verbose=0)["loss"][-1]


def process(trial):
    """The process that runs a trial."""
    return os.getpid()


def trials():
    return search.grid({"width": [2, 3, 4], "lr": [0.01, 0.1]}, seed=7)


def searched(executor=None):
    """What comes of it, less the times."""
    found = search.run(objective, trials(), executor=executor)
    found = [*found, *search.halving(objective, trials(), factor=2, executor=executor)]
    return [[o.number, o.budget, o.score, o.error] for o in found]


if __name__ == "__main__":
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor() as executor:
        own = {int(outcome.score) for outcome in search.run(process, trials(), executor=executor)}
        assert os.getpid() not in own
        found = searched(executor)
    md.save({"found": found}, sys.argv[1])
