# Written by scripts/generate from the files of this folder.
from deltarule.formulas.initializers.fixed import Constant as Constant
from deltarule.formulas.initializers.fixed import Normal as Normal
from deltarule.formulas.initializers.fixed import StandardNormal as StandardNormal
from deltarule.formulas.initializers.fixed import TruncatedNormal as TruncatedNormal
from deltarule.formulas.initializers.fixed import Uniform as Uniform
from deltarule.formulas.initializers.fixed import Zeros as Zeros
from deltarule.formulas.initializers.from_data import DataDeviation as DataDeviation
from deltarule.formulas.initializers.from_data import DataPoints as DataPoints
from deltarule.formulas.initializers.initializer import Initializer as Initializer
from deltarule.formulas.initializers.initializer import drawn as drawn
from deltarule.formulas.initializers.orthogonal import Orthogonal as Orthogonal
from deltarule.formulas.initializers.scaled import GlorotNormal as GlorotNormal
from deltarule.formulas.initializers.scaled import GlorotUniform as GlorotUniform
from deltarule.formulas.initializers.scaled import He as He
from deltarule.formulas.initializers.scaled import HeUniform as HeUniform
from deltarule.formulas.initializers.scaled import LeCun as LeCun
from deltarule.formulas.initializers.scaled import LeCunUniform as LeCunUniform
