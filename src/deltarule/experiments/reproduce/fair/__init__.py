"""The founding experiments as they should be: the same starts and batches for all, several seeds, fresh samples."""
