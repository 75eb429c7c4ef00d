"""Questions put to runs."""
