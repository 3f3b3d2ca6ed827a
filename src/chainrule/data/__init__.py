"""Reading data, and turning rows of a table into numbers."""

from chainrule.data.datasets import NAMES, circles, digits, load_dataset, moons, spiral, xor
from chainrule.data.encoder import Encoder, Pixels, TableEncoder
from chainrule.data.readers import Dataset, read
from chainrule.data.table import Table, as_table

__all__ = [
    "NAMES", "Dataset", "Encoder", "Pixels", "Table", "TableEncoder", "as_table", "circles", "digits", "load_dataset",
    "moons", "read", "spiral", "xor",
]  # fmt: skip
