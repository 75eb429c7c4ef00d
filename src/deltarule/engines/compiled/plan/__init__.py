"""What threads do in a training step: typed instructions, and who writes them for a recipe."""
