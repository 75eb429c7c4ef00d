"""Models for tables compared: `python -m benchmarks.tables`."""
