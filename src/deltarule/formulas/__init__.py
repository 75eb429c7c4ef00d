"""The mathematics: activations, losses, penalties, optimizers, schedules, normalizations, initializers, and others.

A formula is written once, for one number, next to its derivative; every engine reads it from here. Each kind is a
package whose files are all imported: a new file there is a new formula.
"""

from deltarule.formulas.activations import *  # noqa: F403
from deltarule.formulas.augmentations import *  # noqa: F403
from deltarule.formulas.averaging import *  # noqa: F403
from deltarule.formulas.clipping import *  # noqa: F403
from deltarule.formulas.constraints import *  # noqa: F403
from deltarule.formulas.copies import *  # noqa: F403
from deltarule.formulas.description import Description as Description
from deltarule.formulas.description import FieldDescription as FieldDescription
from deltarule.formulas.description import describe as describe
from deltarule.formulas.embeddings import *  # noqa: F403
from deltarule.formulas.formula import Formula as Formula
from deltarule.formulas.formula import formula as formula
from deltarule.formulas.formula import kinds as kinds
from deltarule.formulas.formula import register as register
from deltarule.formulas.formula import registered as registered
from deltarule.formulas.initializers import *  # noqa: F403
from deltarule.formulas.losses import *  # noqa: F403
from deltarule.formulas.normalizations import *  # noqa: F403
from deltarule.formulas.optimizers import *  # noqa: F403
from deltarule.formulas.penalties import *  # noqa: F403
from deltarule.formulas.perturbations import *  # noqa: F403
from deltarule.formulas.schedules import *  # noqa: F403
