# Written by scripts/generate from the files of this folder.
from deltarule.formulas.losses.classes import Hinge as Hinge
from deltarule.formulas.losses.classes import SigmoidCrossEntropy as SigmoidCrossEntropy
from deltarule.formulas.losses.classes import SigmoidFocal as SigmoidFocal
from deltarule.formulas.losses.classes import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from deltarule.formulas.losses.classes import SoftmaxFocal as SoftmaxFocal
from deltarule.formulas.losses.distances import AbsoluteError as AbsoluteError
from deltarule.formulas.losses.distances import HalfSquaredError as HalfSquaredError
from deltarule.formulas.losses.distances import Huber as Huber
from deltarule.formulas.losses.distances import LogCosh as LogCosh
from deltarule.formulas.losses.distances import Quantile as Quantile
from deltarule.formulas.losses.distances import SquaredError as SquaredError
from deltarule.formulas.losses.likelihoods import GammaLoss as GammaLoss
from deltarule.formulas.losses.likelihoods import PoissonLoss as PoissonLoss
from deltarule.formulas.losses.loss import LinkedLoss as LinkedLoss
from deltarule.formulas.losses.loss import Loss as Loss
