"""pytabkit's TabM-D: TabM with its defaults."""

from __future__ import annotations

from functools import partial

from benchmarks.tables.protocol import Rival
from benchmarks.tables.tuned_networks import PACKAGES, network

RIVAL = Rival("TabM-D", "pytabkit", 7, PACKAGES, partial(network, "TabM_D"))
