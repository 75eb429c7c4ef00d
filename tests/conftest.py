"""Tests start processes with empty caches: these do not measure what suits the processor."""

import os

os.environ.setdefault("DELTARULE_TUNE", "0")
