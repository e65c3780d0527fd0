"""Timings against named peers, as ratios from one run."""
