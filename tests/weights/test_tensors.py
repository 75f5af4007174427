import io
import pickle

import numpy as np
import pytest

from jaxgan.weights import tensors, unpickling


def unpickled(content):
    stored = unpickling.load(io.BytesIO(content), "file", unpickling.of_bytes(content))
    return [tensors.array(value) for value in stored]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", "i1", "u1", "<i8", ">i2", "?"])
def test_arrays_of_numpy(dtype, protocol):
    values = np.arange(12).reshape(2, 3, 2).astype(dtype)
    given = [values, np.asfortranarray(values), values[:, ::2].T, values[0, 0, 1], values[:0]]
    found = unpickled(pickle.dumps(given, protocol=protocol))
    for array, expected in zip(found, given, strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("package", ["core", "_core"])
def test_both_names_of_numpys_inner_package(package):
    content = pickle.dumps([np.arange(3.0), np.float32(7)], protocol=2)
    assert b"numpy._core" in content
    older = content.replace(b"numpy._core", f"numpy.{package}".encode())
    np.testing.assert_array_equal(unpickled(older)[0], [0, 1, 2])


def test_python_2_wrote_bytes_as_text():
    # What a program in Python 2 gives; there is no string of bytes apart from a text.
    values = np.array([0.5, -2.0, 1e30], "<f4")
    raw = b"U" + bytes([values.nbytes]) + values.tobytes()
    dtype = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNK\x00K\x00K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    content = b"\x80\x02](" + array + b"(K\x01(K\x03t" + dtype + b"\x89" + raw + b"tbe."
    np.testing.assert_array_equal(unpickled(content)[0], values)


@pytest.mark.parametrize("values", [np.array([None]), np.array(["a"]), np.zeros(2, "i4,f4")])
def test_arrays_of_no_numbers(values):
    with pytest.raises(ValueError, match=r"no numbers"):
        unpickled(pickle.dumps([values]))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (7,), (1,)),
        (5, (2,), (1,)),
        (0, (2, 3), (4, 1)),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (-2,), (1,)),
        (7, (), ()),
    ],
)
def test_a_view_stays_in_its_storage(offset, shape, strides):
    storage = tensors.Storage(np.dtype("<f4"), lambda: bytes(24))
    with pytest.raises(ValueError, match="outside"):
        tensors.Tensor(storage, offset, shape, strides).array()
    assert tensors.Tensor(storage, 5, (), ()).array() == 0
    assert tensors.Tensor(storage, 0, (6, 9), (1, 0)).array().shape == (6, 9)
    assert tensors.Tensor(storage, 99, (3, 0), (1, 1)).array().shape == (3, 0)


def test_a_storage_may_be_a_view_of_another():
    whole = np.arange(6, dtype="<f4")
    storage = tensors.Storage(whole.dtype, whole.tobytes, start=2)
    np.testing.assert_array_equal(tensors.Tensor(storage, 1, (2,), (1,)).array(), [3, 4])
