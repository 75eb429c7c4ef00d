"""Training: the loop over epochs, and the runs it leaves behind."""

from deltarule.training.loop import Training, epochs, train
from deltarule.training.run import Epoch, Run

__all__ = ["Epoch", "Run", "Training", "epochs", "train"]
