"""Measurements that the course quotes: `python -m poselab.bench NAME`, one file each.

Each compares alternatives in one run, repetition by repetition in turn, and prints
medians: what else the machine does then weighs on all of them alike. The file `NAME.py`
has a function `NAME(repeats)` that returns seconds and ratios ("a / b") by name.
"""
