"""The command `deltarule`."""
