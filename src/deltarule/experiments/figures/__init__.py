"""Figures of the experiments: drawn from their results, they start no run."""
