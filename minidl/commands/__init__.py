"""What the commands that train, judge and use a network do; how a command line is read and refused is in ``__main__``."""
