"""Trained networks with everything fitted to their data: prediction, saving, loading."""

from deltarule.models.description import layer_table
from deltarule.models.encoding import CategoryEncoding, Encoding, NumberEncoding
from deltarule.models.model import Model, load_model

__all__ = ["CategoryEncoding", "Encoding", "Model", "NumberEncoding", "layer_table", "load_model"]
