"""The shell's door: the command `deltarule`."""
