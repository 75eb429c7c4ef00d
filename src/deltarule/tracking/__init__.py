"""Trackers of experiments: callbacks that record the epochs of a run for TensorBoard, MLflow or Weights & Biases."""

from deltarule.tracking.bands import Band, band, seed_bands
from deltarule.tracking.lines import JSONLines
from deltarule.tracking.mlflow import MLflow
from deltarule.tracking.tensorboard import TensorBoard
from deltarule.tracking.tracker import Tracker, tracked_values
from deltarule.tracking.wandb import WandB

__all__ = ["Band", "JSONLines", "MLflow", "TensorBoard", "Tracker", "WandB", "band", "seed_bands", "tracked_values"]
