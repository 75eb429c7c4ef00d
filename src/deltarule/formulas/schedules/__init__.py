"""Learning rate schedules: factors on the learning rate of the optimizer."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "schedule")
