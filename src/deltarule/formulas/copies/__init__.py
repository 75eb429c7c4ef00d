"""Transformed copies of images whose predictions are averaged: test-time augmentation."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "copies")
