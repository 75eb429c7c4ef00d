# Written by scripts/generate from the files of this folder.
from deltarule.formulas.penalties.penalty import ElasticNet as ElasticNet
from deltarule.formulas.penalties.penalty import L1 as L1
from deltarule.formulas.penalties.penalty import L2 as L2
from deltarule.formulas.penalties.penalty import Penalty as Penalty
