"""Files of data: CSV, Parquet, NumPy's and idx, compressed or not. Whatever is wrong with one is said in one line."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import re
import struct
import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from chainrule.arrays import Array
from chainrule.data.table import Table, as_table
from chainrule.errors import InputError, require_file

MISSING_TEXTS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "."})
DELIMITERS = ",;\t|"
FORMATS = ".csv, .tsv, .txt, .parquet, .npy, .npz, idx (each but Parquet also .gz), or a folder of idx files"
EXTENSIONS = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".npy", ".npz")
_CODE = re.compile(r"^\s*[+-]?0\d", re.MULTILINE)
_DAMAGE = (  # what the readers of compressed files, of NumPy's headers and of Parquet raise
    EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, tokenize.TokenError, UnicodeDecodeError,
)  # fmt: skip
_NUMPY_STARTS = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")  # an array, a zip of some, a zip of none
MOST_DIMENSIONS = 8  # of an idx file: images have three
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class Dataset:
    """Rows as they were read; y where the source holds labels apart; test rows where it holds some."""

    name: str
    X: Table | Array
    y: Array | None = None
    test: Dataset | None = None


def read(path: str | Path) -> Dataset:
    """Read a file, its format told by its name. InputError says what is wrong with it."""
    path = Path(path)
    dataset = read_idx_folder(path) if path.is_dir() else _read_file(path)
    if len(dataset.X) == 0:
        raise InputError(f"{path}: expected at least one row, got none")
    return replace(dataset, X=replace(dataset.X, first=1)) if isinstance(dataset.X, Table) else dataset


def _read_file(path: Path) -> Dataset:
    name = _format_name(path)
    with _reading(path):
        if name.endswith((".csv", ".tsv", ".txt")):
            return Dataset(path.name, read_csv(path))
        if name.endswith((".parquet", ".pq")):
            return Dataset(path.name, read_parquet(path))
        if name.endswith((".npy", ".npz")):
            return read_numpy(path)
        if is_idx(path):
            return read_idx_pair(path)
    raise InputError(f"{path}: unknown format; known: {FORMATS}")


def _format_name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def is_idx(path: Path) -> bool:
    """Whether a file has the format of the MNIST files, by its name: `idx` in it, and no other format's extension."""
    name = _format_name(path)
    return "idx" in name and not name.endswith(EXTENSIONS)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """InputError where there is no such file, nothing in it, or a part of it missing."""
    require_file(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        yield
    except _DAMAGE as error:
        raise InputError(f"{path}: damaged or incomplete ({error!s:.100})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror or error})") from None


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if compressed else path.open("rb")  # type: ignore[return-value]


@contextmanager
def without_gc() -> Iterator[None]:
    """The collector of cycles looks at every new cell again and again, a third of the time, and finds none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@without_gc()
def read_csv(path: Path) -> Table:
    """A table with a header line; the delimiter is the commonest of , ; tab | there."""
    with _open(path) as file:
        content = file.read()
    if b"\0" in content:
        raise InputError(f"{path}: expected text, got binary data")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path} line {line}: expected UTF-8 text, got byte 0x{content[error.start]:02x}") from None
    header, *_ = text.lstrip().partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: {error}") from None
    return _table(path, lines)


def _table(path: Path, lines: list[tuple[int, list[str]]]) -> Table:
    if len(lines) < 2:
        raise InputError(f"{path}: expected a header and rows, got {len(lines)} line{'s' * (len(lines) != 1)}")
    names = [name.strip() for name in lines[0][1]]
    if all(_is_number(name) for name in names):
        raise InputError(f"{path} line {lines[0][0]}: expected column names, got numbers ({', '.join(names[:4])})")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{path}: expected each column name once, got {repeated[0]!r} {names.count(repeated[0])} times"
        )
    for number, row in lines[1:]:
        if len(row) != len(names):
            raise InputError(f"{path} line {number}: expected {len(names)} columns, got {len(row)}")
    columns = zip(*(row for _, row in lines[1:]))
    return Table({name: _parse(column) for name, column in zip(names, columns)})


def _is_number(text: str) -> bool:
    return _numbers([text]) is not None


def _numbers(texts: Sequence[str]) -> list[float] | None:
    """The texts as numbers; None where one is not: also 007, which is a name, and 1_000, which float() would take."""
    joined = "\n".join(texts)
    if _CODE.search(joined) or "_" in joined:
        return None
    try:
        return list(map(float, texts))
    except ValueError:
        return None


def _parse(cells: tuple[str, ...]) -> Array:
    """Numbers where every cell that is not missing is one, else text."""
    numbers = _numbers(cells)  # most columns of numbers miss none
    if numbers is not None:
        return np.array(numbers)
    known = [None if (text := cell.strip()).lower() in MISSING_TEXTS else text for cell in cells]
    numbers = _numbers(["nan" if text is None else text for text in known])
    if numbers is not None:
        return np.array(numbers)
    out = np.empty(len(known), dtype=object)
    out[:] = known
    return out


def read_parquet(path: Path) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{path}: Parquet needs pyarrow; pip install pyarrow") from None
    try:
        return as_table(pyarrow.parquet.read_table(path))
    except pyarrow.ArrowException as error:
        raise InputError(f"{path}: damaged or not a Parquet file ({str(error).splitlines()[0]})") from None


def read_numpy(path: Path) -> Dataset:
    """.npy: a matrix; .npz: X and y. Files that need pickle are refused."""
    arrays = _arrays(path)
    if "X" not in arrays:
        raise InputError(f"{path}: expected arrays X and y, got {', '.join(arrays) or 'none'}")
    X, y = arrays["X"], arrays.get("y")
    if X.ndim < 2:
        raise InputError(f"{path}: expected X of shape (N, columns), got {X.shape}")
    if X.size == 0:
        raise InputError(f"{path}: expected at least one row and one column, got shape {X.shape}")
    if y is not None:
        y = as_labels(y, len(X), path, "row of X")
    return Dataset(path.name, X if X.dtype == np.uint8 else as_table(X.reshape(len(X), -1)), y)


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of a .npz file by name, or the one of a .npy file as X."""
    with _open(path) as file:
        start = file.read(len(_NUMPY_STARTS[0]))
        if not start.startswith(_NUMPY_STARTS):
            raise InputError(f"{path}: expected a file of NumPy's, got one that starts with {start.hex(' ')}")
        file.seek(0)
        try:
            loaded: Any = np.load(file, allow_pickle=False)
            arrays = {"X": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        except (ValueError, TypeError, OverflowError) as error:
            reason = "it holds pickled objects" if "allow_pickle" in str(error) else f"{error!s:.100}"
            raise InputError(f"{path}: expected an array of numbers or text, but {reason}") from None
        except RuntimeError as error:  # a zip with a password, or packed in a way that zipfile does not know
            raise InputError(f"{path}: cannot read ({error!s:.100})") from None
        except MemoryError:
            raise InputError(f"{path}: expected an array that fits into memory, got a larger one") from None
    return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}


def as_labels(y: Array, n: int, path: Path, row: str) -> Array:
    """y of n rows, a single column of them as (N,). InputError where it has no or other rows, or is complex or
    structured."""
    if y.ndim == 0 or len(y) != n:
        got = f"{len(y):,}" if y.ndim else "a single one"
        raise InputError(f"{path}: expected {n:,} labels, one per {row}, got {got}")
    if y.dtype.kind in "cV":
        raise InputError(f"{path}: expected labels of numbers or text, got {y.dtype}")
    return y[:, 0] if y.shape[1:] == (1,) else y


def read_idx(path: Path) -> Array:
    """An array in the format of the MNIST files: magic number, shape, big-endian values."""
    with _reading(path), _open(path) as file:
        content = file.read()
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise InputError(f"{path}: expected an idx file, got one that starts with {magic.hex(' ')}")
    n_dims, start = magic[3], 4 + 4 * magic[3]
    if len(content) < start:
        raise InputError(f"{path}: expected {start} bytes that give {n_dims} dimensions, got {len(content)}")
    shape = struct.unpack(f">{n_dims}I", content[4:start])
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(content) - start != wanted:
        raise InputError(f"{path}: expected {wanted:,} bytes for shape {shape}, got {len(content) - start:,}")
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def read_idx_pair(path: Path) -> Dataset:
    """Images, with the labels that lie beside them under the usual name."""
    images, labels = read_idx(path), labels_beside(path)
    y = read_idx(labels) if labels != path and labels.exists() else None
    return Dataset(path.name, images, None if y is None else as_labels(y, len(images), labels, "image"))


def labels_beside(path: Path) -> Path:
    """The usual name of the labels of a file of images; that of any other file is its own."""
    return path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1")) if is_idx(path) else path


def read_idx_folder(folder: Path) -> Dataset:
    """train-images-idx3-ubyte and its labels; t10k-images-idx3-ubyte, where it is there, as test rows."""
    files = {part: sorted(folder.glob(f"{part}-images*idx3-ubyte*")) for part in ("train", "t10k")}
    with ThreadPoolExecutor() as pool:  # zlib, which takes nearly all of the time, lets others run
        reading = {part: pool.submit(read_idx_pair, matches[0]) for part, matches in files.items() if matches}
    found = {part: pair.result() for part, pair in reading.items()}
    if "train" not in found:
        raise InputError(f"{folder}: expected a file of data, or a folder with train-images-idx3-ubyte (or .gz) in it")
    for part, dataset in found.items():
        if dataset.y is None:
            raise InputError(f"{folder}: expected a file {part}-labels-idx1-ubyte (or .gz), found none")
    return Dataset(folder.name, found["train"].X, found["train"].y, found.get("t10k"))


def read_labels(path: Path) -> Array:
    """One column of labels from a file of any format."""
    if is_idx(path):
        return read_idx(path)
    if _format_name(path).endswith((".npy", ".npz")):
        with _reading(path):
            columns = list(_arrays(path).values())
    else:
        X = read(path).X
        if not isinstance(X, Table):
            raise InputError(f"{path}: expected one column of labels, got images")
        columns = list(X.columns.values())
    if len(columns) != 1:
        raise InputError(f"{path}: expected one column of labels, got {len(columns) or 'none'}")
    return columns[0]
