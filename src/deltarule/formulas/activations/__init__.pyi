# Written by scripts/generate from the files of this folder.
from deltarule.formulas.activations.activation import Activation as Activation
from deltarule.formulas.activations.bounded import HardSigmoid as HardSigmoid
from deltarule.formulas.activations.bounded import Sigmoid as Sigmoid
from deltarule.formulas.activations.bounded import Softsign as Softsign
from deltarule.formulas.activations.bounded import Tanh as Tanh
from deltarule.formulas.activations.links import Exponential as Exponential
from deltarule.formulas.activations.links import Identity as Identity
from deltarule.formulas.activations.links import Softmax as Softmax
from deltarule.formulas.activations.rectified import CELU as CELU
from deltarule.formulas.activations.rectified import ELU as ELU
from deltarule.formulas.activations.rectified import LeakyReLU as LeakyReLU
from deltarule.formulas.activations.rectified import ReLU as ReLU
from deltarule.formulas.activations.rectified import SELU as SELU
from deltarule.formulas.activations.smooth import GELU as GELU
from deltarule.formulas.activations.smooth import Mish as Mish
from deltarule.formulas.activations.smooth import SiLU as SiLU
from deltarule.formulas.activations.smooth import Softplus as Softplus
