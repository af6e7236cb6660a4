"""Long runs in real processes: a million messages, servers that restart, workers that are killed or stand still.

Small ones run with the tests. The full ones, on demand: ``python -m tests.endurance`` (docs/endurance.md).
"""
