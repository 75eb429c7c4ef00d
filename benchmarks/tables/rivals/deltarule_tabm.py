"""deltarule's preset `tabm`: one network, on raw rows."""

from benchmarks.tables.own_networks import preset

RIVAL = preset("tabm", 6)
