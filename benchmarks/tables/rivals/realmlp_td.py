"""pytabkit's RealMLP-TD: RealMLP with its tuned defaults."""

from __future__ import annotations

from functools import partial

from benchmarks.tables.protocol import Rival
from benchmarks.tables.tuned_networks import PACKAGES, network

RIVAL = Rival("RealMLP-TD", "pytabkit", 6, PACKAGES, partial(network, "RealMLP_TD"))
