# Written by scripts/generate from the files of this folder.
from deltarule.formulas.copies.copies import Copies as Copies
from deltarule.formulas.copies.copies import Mirror as Mirror
from deltarule.formulas.copies.copies import Shifts as Shifts
