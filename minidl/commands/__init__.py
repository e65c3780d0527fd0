"""What the commands that train and use a network do; command lines are read and refused in ``__main__``."""
