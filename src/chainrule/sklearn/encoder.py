"""The library's table encoding as a scikit-learn transformer: a raw dataframe in, numbers for any estimator out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Self, cast

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.arrays import Array, row_name
from chainrule.data import encoder as core
from chainrule.data.columns import MAX_LEVELS, Number
from chainrule.data.table import Table, as_table, refuse_masked
from chainrule.errors import InputError, require_count

SHOWN = 30  # names listed in an error
NARROW = ("float16", "float32")
READS_NAMES = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 9)  # of any dataframe


class TableEncoder(TransformerMixin, BaseEstimator):
    """Scale numbers, fill in missing ones, give each level of text a feature, leave useless columns out.

    Parameters
    ----------
    scale : {"robust", "standard", "quantile"}, default="robust"
        Of columns of numbers. "robust": (x − median)/IQR, then z/√(1 + (z/3)²), which draws heavy tails in to [−3, 3]
        and keeps the order; "standard": mean 0 and variance 1; "quantile": the share of training rows below, from −√3
        to √3.
    categorical : name or position, or a list of them, default=None
        Columns of numbers that are names of categories.
    drop : name or position, or a list of them, default=None
        Columns to leave out.
    keep : name or position, or a list of them, default=None
        Columns to use though they count the rows, as a year does, or differ in nearly every row.
    max_levels : int, default=50
        The commonest levels of a column get a feature each; where there are more, all others share one.
    sparse_output : bool, default=False
        Return a CSR matrix, an array of the same format with scikit-learn's `sparse_interface="sparray"`.
    dtype : {"float32", "float64"} or NumPy dtype, default=None
        Of the output. None: float32 where all used columns of numbers are float32 or float16, else float64.

    Attributes
    ----------
    encoder_ : chainrule.data.TableEncoder
        What was learned, column by column.
    notes_ : list of str
        A line for each column that was left out unasked, with the reason.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names; only where all of them are strings.
    """

    def __init__(
        self,
        *,
        scale: str = "robust",
        categorical: Any = None,
        drop: Any = None,
        keep: Any = None,
        max_levels: int = MAX_LEVELS,
        sparse_output: bool = False,
        dtype: Any = None,
    ) -> None:
        self.scale = scale
        self.categorical = categorical
        self.drop = drop
        self.keep = keep
        self.max_levels = max_levels
        self.sparse_output = sparse_output
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from training rows: a dataframe (pandas, polars, pyarrow) or anything NumPy makes a matrix of.

        Raises InputError, a ValueError, for unknown parameters, infinite numbers and where no column is of use.
        """
        self._check_parameters()
        table = self._table(X, reset=True)
        self.encoder_ = core.TableEncoder.fit(
            table,
            scale=self.scale,
            categorical=_chosen("categorical", self.categorical, table.names),
            drop=_chosen("drop", self.drop, table.names),
            keep=_chosen("keep", self.keep, table.names),
            max_levels=int(self.max_levels),
        )
        self.notes_ = list(self.encoder_.notes)
        return self

    def transform(self, X: Any) -> Any:
        """(N, features), dense or CSR. The columns have to be those of `fit`, in the same order."""
        check_is_fitted(self)
        table = self._table(X, reset=False)
        dtype = self._output_dtype(X, table.names)
        blocks = self.encoder_.blocks(table)
        with np.errstate(over="ignore"):  # what float32 does not hold becomes inf, which is refused next
            if self.sparse_output:
                new = (
                    sparse.csr_array if sklearn.get_config().get("sparse_interface") == "sparray" else sparse.csr_matrix
                )
                out = sparse.hstack([new(block.astype(dtype)) for block in blocks], format="csr")
            else:
                out = np.hstack(blocks, dtype=dtype, casting="same_kind")
        self._require_finite(out)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """`age`, `age is missing`, `city=Oslo` …; `input_features` names columns that have no name (else x0, x1 …)."""
        check_is_fitted(self)
        encoder = self.encoder_
        if input_features is not None:
            given = np.asarray(input_features, dtype=object)
            known = getattr(self, "feature_names_in_", None)
            if known is not None and not np.array_equal(known, given):
                raise InputError("input_features is not equal to feature_names_in_")
            if len(given) != self.n_features_in_:
                wanted = f"number of features ({self.n_features_in_})"
                raise InputError(f"input_features should have length equal to {wanted}, got {len(given)}")
            names, columns = dict(zip(self._names(), given.tolist())), cast(tuple[Any, ...], encoder.columns)
            encoder = replace(encoder, columns=tuple(replace(c, name=names[c.name]) for c in columns))
        return np.array(encoder.features, dtype=object)

    def _check_parameters(self) -> None:
        if self.scale not in core.SCALES:
            raise InputError(f"scale: expected one of {', '.join(core.SCALES)}, got {self.scale!r}")
        require_count("max_levels", self.max_levels)
        if not isinstance(self.sparse_output, (bool, np.bool_)):
            raise InputError(f"sparse_output: expected True or False, got {self.sparse_output!r}")
        try:
            known = self.dtype is None or np.dtype(self.dtype).name in ("float32", "float64")
        except TypeError:
            known = False
        if not known:
            raise InputError(f"dtype: expected one of float32, float64, None, got {self.dtype!r}")

    def _table(self, X: Any, *, reset: bool) -> Table:
        """The columns of X under the names of `fit`, after scikit-learn's own checks of names and shape."""
        least = 2 if reset else 1  # with one row every column is constant
        if hasattr(type(X), "columns"):  # not of the object: a lazy frame would look its columns up
            table = as_table(X)
            named = X if READS_NAMES or hasattr(X, "iloc") else _Header(table)
            validate_data(self, named, skip_check_array=True, reset=reset)
            _require_shape(table, least, type(self).__name__)
        else:
            refuse_masked(X)
            mixed = isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "US"
            dtype = object if mixed else None
            checks = {"dtype": dtype, "ensure_all_finite": False, "ensure_min_samples": least}
            table = as_table(validate_data(self, X, reset=reset, **checks))
        return Table(dict(zip(self._names(), table.columns.values())))

    def _names(self) -> list[str]:
        return list(getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)]))

    def _output_dtype(self, X: Any, names: Sequence[str]) -> Any:
        if self.dtype is not None:
            return np.dtype(self.dtype)
        if not hasattr(type(X), "columns"):
            return np.dtype(np.float32 if getattr(X, "dtype", None) in NARROW else np.float64)
        import narwhals as nw

        dtypes = dict(zip(names, nw.from_native(X).schema.values()))
        numbers = [dtypes[column.name] for column in self.encoder_.columns if isinstance(column, Number)]
        narrow = numbers and all(str(dtype).lower() in NARROW for dtype in numbers)
        return np.dtype(np.float32 if narrow else np.float64)

    def _require_finite(self, out: Any) -> None:
        values = out.data if sparse.issparse(out) else out
        if np.isfinite(values).all():
            return
        row, feature = np.argwhere(~np.isfinite(out.toarray() if sparse.issparse(out) else out))[0].tolist()
        name = self.get_feature_names_out()[feature]
        raise InputError(
            f"X: once scaled, {name!r} in {row_name(row)} is too large for {out.dtype}; try dtype='float64'"
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if self.dtype is None else []
        return tags


class _Header:
    """Names and shape of a dataframe, as scikit-learn before 1.9 asks for them where it is not pandas'.

    It speaks the interchange protocol, which newer polars has dropped; without names, another order of columns would go
    unnoticed.
    """

    def __init__(self, table: Table) -> None:
        self.shape, self.names = (len(table), len(table.names)), table.names

    def __dataframe__(self) -> _Header:
        return self

    def column_names(self) -> list[str]:
        return self.names


def _chosen(parameter: str, value: Any, names: Sequence[str]) -> list[str]:
    """The names of the columns that were given by name or by position, one or several."""
    if value is None:
        return []
    if isinstance(value, (str, Integral)):
        value = [value]
    try:
        return [_column(parameter, entry, names) for entry in value]
    except TypeError:
        raise InputError(f"{parameter}: expected names or positions of columns, got {value!r}") from None


def _column(parameter: str, entry: Any, names: Sequence[str]) -> str:
    if isinstance(entry, str) and entry in names:
        return str(entry)
    if isinstance(entry, Integral) and not isinstance(entry, bool) and 0 <= int(entry) < len(names):
        return names[int(entry)]
    more = f", … ({len(names):,} columns, counted from 0)" if len(names) > SHOWN else ""
    raise InputError(f"{parameter}: no column {entry!r}; known: {', '.join(names[:SHOWN])}{more}")


def _require_shape(table: Table, least: int, name: str) -> None:
    """In scikit-learn's words for arrays."""
    n, columns = len(table), len(table.names)
    if columns == 0:
        raise InputError(f"Found array with 0 feature(s) (shape=({n}, 0)) while a minimum of 1 is required by {name}.")
    if n < least:
        raise InputError(
            f"Found array with {n} sample(s) (shape=({n}, {columns})) while a minimum of {least} is required by {name}."
        )
