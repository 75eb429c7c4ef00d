"""Training: the loop over epochs, and the resulting runs."""

from deltarule.training.augmenting import augmented
from deltarule.training.epoch import Epoch, History
from deltarule.training.evaluating import Evaluation, evaluate
from deltarule.training.loop import Training
from deltarule.training.many import train_each, train_many
from deltarule.training.run import Run
from deltarule.training.starting import epochs, resume, train

__all__ = [
    "Epoch",
    "Evaluation",
    "History",
    "Run",
    "Training",
    "augmented",
    "epochs",
    "evaluate",
    "resume",
    "train",
    "train_each",
    "train_many",
]
