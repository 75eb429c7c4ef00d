"""pytabkit's RealMLP-TD-S: the simple preset of RealMLP."""

from __future__ import annotations

from functools import partial

from benchmarks.tables.protocol import Rival
from benchmarks.tables.tuned_networks import PACKAGES, network

RIVAL = Rival("RealMLP-TD-S", "pytabkit", 5, PACKAGES, partial(network, "RealMLP_TD_S"))
