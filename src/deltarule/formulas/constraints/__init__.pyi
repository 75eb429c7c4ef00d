# Written by scripts/generate from the files of this folder.
from deltarule.formulas.constraints.constraint import Constraint as Constraint
from deltarule.formulas.constraints.constraint import MaxNorm as MaxNorm
