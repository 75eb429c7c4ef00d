"""Schedules: how the learning rate changes during training. Each is a factor on the optimizer's own rate."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "schedule")
