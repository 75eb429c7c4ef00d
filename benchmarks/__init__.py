"""Training steps of this package, of its rivals, and the floor that the processor sets: `python -m benchmarks`."""
