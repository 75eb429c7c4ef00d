"""Files, tables, images and names of data sets into arrays; splits.

>>> load_dataset("iris")
Dataset('iris': 120 train, 15 validation, 15 test; x 4 float64; 3 classes)
"""

from deltarule.data.catalogue import DATASETS, DatasetInfo, dataset_names
from deltarule.data.columns import Column
from deltarule.data.dataset import Dataset, PartLike
from deltarule.data.folds import fold_rows, folds
from deltarule.data.frames import table_of
from deltarule.data.generated import moons, xor
from deltarule.data.idx import read_idx, read_idx_folder
from deltarule.data.labels import Task, require_classes, task_of
from deltarule.data.leaks import without_copies
from deltarule.data.load import fetch_dataset, load_dataset
from deltarule.data.parts import Part
from deltarule.data.splits import Split, default_split, proportions_of_the_texts, split
from deltarule.data.table import Table

__all__ = [
    "DATASETS",
    "Column",
    "Dataset",
    "DatasetInfo",
    "Part",
    "PartLike",
    "Split",
    "Table",
    "Task",
    "dataset_names",
    "default_split",
    "fetch_dataset",
    "fold_rows",
    "folds",
    "load_dataset",
    "moons",
    "proportions_of_the_texts",
    "read_idx",
    "read_idx_folder",
    "require_classes",
    "split",
    "table_of",
    "task_of",
    "without_copies",
    "xor",
]
