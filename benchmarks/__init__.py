"""Timings beside named peers, as ratios from one run: ``python -m benchmarks``, or ``minidl bench`` in a checkout."""
