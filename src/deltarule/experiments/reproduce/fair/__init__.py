"""Fair versions of the experiments: equal initial weights and batches, several seeds, a test set used once."""
