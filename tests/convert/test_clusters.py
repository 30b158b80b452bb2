"""The released code's style files: read as plain data, whatever they ask for."""

import pickle
import tracemalloc

import numpy as np
import pytest
from malicious import Malicious

from hdsynth_tf.convert.clusters import read_clusters, write_clusters
from hdsynth_tf.files.torch_files import WeightsFileError


def test_style_files_are_read_without_running_them(tmp_path):
    path, styles = tmp_path / "features_clustered_010.npy", {0: np.eye(3), 7: np.ones((2, 3), "float32")}
    for array in (styles, {label: np.asfortranarray(value) for label, value in styles.items()}):
        np.save(path, array)
        assert {label: value.tolist() for label, value in read_clusters(path).items()} == {
            label: value.tolist() for label, value in styles.items()
        }
    write_clusters(path, styles)
    back = np.load(path, allow_pickle=True).item()
    assert all(np.array_equal(back[label], styles[label]) for label in styles)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_style_files_of_any_age(tmp_path, protocol):
    path, styles = tmp_path / "old.npy", {i: np.random.default_rng(i).random((3, 2)) for i in (1, 300, 70000)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        code = pickle.dumps(np.array(styles, dtype=object), protocol=protocol)
        file.write(code.replace(b"numpy._core", b"numpy.core") if protocol == 2 else code)
    assert {label: value.tolist() for label, value in read_clusters(path).items()} == {
        label: np.float32(value).tolist() for label, value in styles.items()
    }


@pytest.mark.parametrize("content", ["malicious", "nested", "text", "numbers", "cut off", "list"])
def test_style_files_of_anything_else_run_nothing(tmp_path, content):
    path, touched = tmp_path / "features_clustered_010.npy", tmp_path / "touched"
    if content in ("malicious", "nested"):
        bad = Malicious(touched)
        np.save(path, np.array(bad if content == "malicious" else {0: bad}, dtype=object), allow_pickle=True)
    elif content == "text":
        path.write_bytes(b"hello")
    else:
        np.save(path, {"numbers": np.ones(3), "cut off": {0: np.ones((3, 3))}, "list": np.array([1, None])}[content])
        if content == "cut off":
            path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(WeightsFileError, match="nothing"):
        read_clusters(path)
    assert not touched.exists()


def test_a_style_file_of_python_2(tmp_path):
    """It wrote arrays' bytes as strings. Python 3 cannot; the code is what Python 2.7 wrote, shortened."""
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    reconstruct = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"

    def state(shape, dtype, order, content):
        kind = (
            b"cnumpy\ndtype\n(S'"
            + dtype
            + b"'\nI0\nI1\ntR(I3\nS'"
            + order
            + b"'\nNNNI-1\nI-1\nI%d\ntb" % (63 if order == b"|" else 0)
        )
        return b"(I1\n" + shape + kind + b"I00\n" + content + b"tb"

    raw = values.tobytes()
    centers = reconstruct + state(b"(I2\nI3\nt", b"f4", b"<", b"U" + bytes([len(raw)]) + raw)
    whole = reconstruct + state(b"(t", b"O8", b"|", b"(l(dI26\n" + centers + b"sa") + b"."
    with (tmp_path / "old.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(whole)
    np.testing.assert_array_equal(
        np.load(tmp_path / "old.npy", allow_pickle=True, encoding="latin1").item()[26], values
    )
    np.testing.assert_array_equal(read_clusters(tmp_path / "old.npy")[26], values)


@pytest.mark.parametrize("centers", [np.full((2, 3), np.nan), np.zeros((4, 0)), np.zeros((2, 3), "int32")])
def test_centres_that_are_none(tmp_path, centers):
    np.save(tmp_path / "styles.npy", {0: centers})
    with pytest.raises(WeightsFileError, match="no style file"):
        read_clusters(tmp_path / "styles.npy")


NAMED = b"cnumpy.core.multiarray\n_reconstruct\n"
ARRAY = b"cnumpy\nndarray\n"
HUGE = b"L1000000000000L\n"
OBJECTS = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR"
NESTED = 300_000


@pytest.mark.parametrize(
    "code",
    {
        "a large array": ARRAY + b"(" + HUGE + b"tR.",
        "a large array, by new": ARRAY + b"(" + HUGE + b"t\x81.",
        "a large array, by its class": b"(" + ARRAY + HUGE + b"o.",
        "reconstructed, large": NAMED + b"(" + ARRAY + b"(" + HUGE + b"tS'b'\ntR.",
        "reconstructed, of another class": NAMED + b"(cnumpy\ndtype\n(I0\ntS'b'\ntR.",
        "reconstructed, of objects": NAMED + b"(" + ARRAY + b"(I0\ntS'O'\ntR.",
        "a large state": NAMED + b"(" + ARRAY + b"(I0\ntS'b'\ntR(I1\n(" + HUGE + b"t" + OBJECTS + b"I00\n(ltb.",
        "a dtype that is a structure": b"cnumpy\ndtype\n((lp0\nI0\nI1\ntR.",
        "a name that is changed": ARRAY + b"}S'_make'\nI1\nsb.",
        "a name's slots that are changed": ARRAY + b"(N}S'_make'\nI1\nstb.",
        "another encoding": b"c_codecs\nencode\n(S'x'\nS'zip'\ntR.",
        "an attribute of what is allowed": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__class__\x93.",
        "an extension": b"\x80\x02\x82\x01.",
        "a persistent name": b"Pname\n.",
        "nested marks": b"(" * NESTED + b".",
        "nested marks, closed": b"(" * NESTED + b"t" * NESTED + b".",
        "nested lists": b"]" * NESTED + b"a" * (NESTED - 1) + b".",
        "nested tuples as a key": b"})" + b"\x85" * NESTED + b"I1\ns.",
        "doubled tuples as a key": b"})" + b"2\x86" * 100 + b"I1\ns.",
        "a large place in the memo": b"]r\xff\xff\xff\x7f.",
        "bytes that are not there": b"\x8e" + (2**40).to_bytes(8, "little") + b".",
        "nothing": b"",
    }.items(),
    ids=lambda item: item[0],
)
def test_hostile_instructions_are_refused(tmp_path, code):
    """At once, without a crash, and without the memory that they ask for."""
    path = tmp_path / "styles.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(code[1])
    tracemalloc.start()
    with pytest.raises(WeightsFileError, match="nothing"):
        read_clusters(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**28


def test_large_files_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "styles.npy"
    write_clusters(path, {0: np.eye(3)})
    read_clusters(path)
    monkeypatch.setattr("hdsynth_tf.convert.clusters.MOST_BYTES", path.stat().st_size - 1)
    with pytest.raises(WeightsFileError, match="bytes"):
        read_clusters(path)


@pytest.mark.parametrize("name", ["posix system", "builtins exec", "numpy load", "numpy.core.multiarray frombuffer"])
def test_only_the_names_of_style_files_are_known(tmp_path, name):
    path = tmp_path / "styles.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write("c{}\n{}\n.".format(*name.split()).encode())
    with pytest.raises(WeightsFileError, match=name):
        read_clusters(path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (b"(" * 300_000 + b"l" * 300_000 + b".", "things in things"),
        (b"N0" * 5_000_000 + b".", "more instructions"),
        (b"]" * 10**6 + b"a" * 10**6, "more instructions"),
    ],
    ids=["marks", "nothings", "lists"],
)
def test_files_of_endless_instructions_have_an_end(tmp_path, code, said):
    path = tmp_path / "endless.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(b"\x80\x02" + code)
    with pytest.raises(WeightsFileError, match="no style file") as caught:
        read_clusters(path)
    assert said in str(caught.value.__cause__)
