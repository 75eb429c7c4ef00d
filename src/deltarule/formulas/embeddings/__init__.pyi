# Written by scripts/generate from the files of this folder.
from deltarule.formulas.embeddings.embedding import Embedding as Embedding
from deltarule.formulas.embeddings.periodic import PBLD as PBLD
from deltarule.formulas.embeddings.periodic import Periodic as Periodic
from deltarule.formulas.embeddings.piecewise import PiecewiseLinear as PiecewiseLinear
