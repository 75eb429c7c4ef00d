"""deltarule's preset `plain`: one network, on raw rows."""

from benchmarks.tables.own_networks import preset

RIVAL = preset("plain", 1)
