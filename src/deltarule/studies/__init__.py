"""Studies of runs: comparison, diagnosis, learning-rate range test, gradient check."""
