"""deltarule's preset `realmlp`: one network, on raw rows."""

from benchmarks.tables.own_networks import preset

RIVAL = preset("realmlp", 3)
