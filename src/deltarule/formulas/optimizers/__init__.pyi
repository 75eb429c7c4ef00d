# Written by scripts/generate from the files of this folder.
from deltarule.formulas.optimizers.adam import AMSGrad as AMSGrad
from deltarule.formulas.optimizers.adam import Adam as Adam
from deltarule.formulas.optimizers.adam import AdamW as AdamW
from deltarule.formulas.optimizers.adam import Adamax as Adamax
from deltarule.formulas.optimizers.adam import NAdam as NAdam
from deltarule.formulas.optimizers.adam import RAdam as RAdam
from deltarule.formulas.optimizers.adaptive import AdaDelta as AdaDelta
from deltarule.formulas.optimizers.adaptive import AdaGrad as AdaGrad
from deltarule.formulas.optimizers.adaptive import RMSProp as RMSProp
from deltarule.formulas.optimizers.momentum import Lion as Lion
from deltarule.formulas.optimizers.momentum import Momentum as Momentum
from deltarule.formulas.optimizers.momentum import Nesterov as Nesterov
from deltarule.formulas.optimizers.momentum import SGD as SGD
from deltarule.formulas.optimizers.optimizer import Optimizer as Optimizer
from deltarule.formulas.optimizers.whole import LBFGS as LBFGS
from deltarule.formulas.optimizers.whole import Muon as Muon
