# Written by scripts/generate from the files of this folder.
from deltarule.formulas.normalizations.normalization import BatchNormalization as BatchNormalization
from deltarule.formulas.normalizations.normalization import LayerNormalization as LayerNormalization
from deltarule.formulas.normalizations.normalization import Normalization as Normalization
