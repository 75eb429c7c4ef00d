"""A trained network and what it learnt of its data: predicting, saving, loading."""

from deltarule.models.encoding import CategoryEncoding, Encoding, NumberEncoding
from deltarule.models.model import Model, layer_table, load_model

__all__ = ["CategoryEncoding", "Encoding", "Model", "NumberEncoding", "layer_table", "load_model"]
