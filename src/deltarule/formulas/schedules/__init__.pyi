# Written by scripts/generate from the files of this folder.
from deltarule.formulas.schedules.cycles import CosineLog as CosineLog
from deltarule.formulas.schedules.cycles import CosineRestarts as CosineRestarts
from deltarule.formulas.schedules.cycles import OneCycle as OneCycle
from deltarule.formulas.schedules.decays import CosineDecay as CosineDecay
from deltarule.formulas.schedules.decays import ExponentialDecay as ExponentialDecay
from deltarule.formulas.schedules.decays import FlatCosine as FlatCosine
from deltarule.formulas.schedules.decays import InverseTimeDecay as InverseTimeDecay
from deltarule.formulas.schedules.decays import LinearToZero as LinearToZero
from deltarule.formulas.schedules.decays import Milestones as Milestones
from deltarule.formulas.schedules.decays import PolynomialDecay as PolynomialDecay
from deltarule.formulas.schedules.decays import StepDecay as StepDecay
from deltarule.formulas.schedules.plateau import ReduceOnPlateau as ReduceOnPlateau
from deltarule.formulas.schedules.rises import ExponentialGrowth as ExponentialGrowth
from deltarule.formulas.schedules.rises import WarmUp as WarmUp
from deltarule.formulas.schedules.schedule import ConstantRate as ConstantRate
from deltarule.formulas.schedules.schedule import Schedule as Schedule
