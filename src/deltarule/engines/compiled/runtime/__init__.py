"""Plans carried out: memory, threads, the loop over epochs, and prediction."""
