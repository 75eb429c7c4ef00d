# Written by scripts/generate from the files of this folder.
from deltarule.formulas.clipping.clipping import ClipByNorm as ClipByNorm
from deltarule.formulas.clipping.clipping import ClipByValue as ClipByValue
from deltarule.formulas.clipping.clipping import Clipping as Clipping
