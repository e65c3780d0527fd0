"""What commands do: train and use a network, step through a lesson. Command lines are read in ``__main__``."""
