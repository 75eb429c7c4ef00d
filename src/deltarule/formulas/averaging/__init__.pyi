# Written by scripts/generate from the files of this folder.
from deltarule.formulas.averaging.averaging import Averaging as Averaging
from deltarule.formulas.averaging.averaging import ExponentialAverage as ExponentialAverage
