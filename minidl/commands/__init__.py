"""What the commands that train and use a network, or step through a lesson, do; command lines are read and refused in ``__main__``."""
