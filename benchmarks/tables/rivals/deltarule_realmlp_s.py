"""deltarule's preset `realmlp-s`: one network, on raw rows."""

from benchmarks.tables.own_networks import preset

RIVAL = preset("realmlp-s", 3)
