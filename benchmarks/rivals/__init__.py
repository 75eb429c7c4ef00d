"""One file for each way to train; each defines `RIVAL`."""
