# Written by scripts/generate from the files of this folder.
from deltarule.formulas.perturbations.perturbation import FastGradient as FastGradient
from deltarule.formulas.perturbations.perturbation import FastGradientSign as FastGradientSign
from deltarule.formulas.perturbations.perturbation import Perturbation as Perturbation
