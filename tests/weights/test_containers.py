import collections
import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from jaxgan.base import errors
from jaxgan.weights import containers, tensors
from tests.weights import making

both = pytest.mark.parametrize("older", [False, True])
DTYPES = (
    torch.float16,
    torch.float32,
    torch.float64,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint8,
    torch.bool,
)


def arrays(path):
    with containers.opened(path) as stored:
        return {key: tensors.array(value) for key, value in stored.items()}


def read_back(tmp_path, state, older):
    path = tmp_path / "weights.pth"
    path.write_bytes(making.saved(state, older))
    return arrays(path)


def same(found, state):
    assert list(found) == list(state)
    for key, tensor in state.items():
        expected = tensor.detach().numpy()
        assert found[key].dtype == expected.dtype, key
        np.testing.assert_array_equal(found[key], expected, strict=True)


@both
def test_types(tmp_path, older):
    state = {f"{dtype}": torch.arange(-2, 4).to(dtype).reshape(2, 3) for dtype in DTYPES}
    same(read_back(tmp_path, state, older), state)


@both
def test_bfloat16(tmp_path, older):
    values = torch.tensor([1.0, -0.3, 3e38])
    found = read_back(tmp_path, {"a": values.bfloat16()}, older)["a"]
    assert found.dtype.name == "bfloat16"
    np.testing.assert_array_equal(found.astype(np.float32), values.bfloat16().float().numpy())


@both
def test_views(tmp_path, older):
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    state = collections.OrderedDict(
        whole=base,
        part=base[1:, 1:],
        strided=base[:, ::2, 1::2],
        turned=base.permute(3, 0, 2, 1),
        column=base[:, :, :, 2],
        last=base[1, 2, 3, 4],
        expanded=base[0, 0, 0, :1].expand(6, 1),
        none=base[:0],
        channels_last=base.clone().to(memory_format=torch.channels_last),
        parameter=torch.nn.Parameter(base[0, 0].clone().T[1]),
    )
    same(read_back(tmp_path, state, older), state)


@both
def test_state_of_modules(tmp_path, older):
    module = torch.nn.Sequential(
        torch.nn.utils.spectral_norm(torch.nn.Conv2d(2, 3, 3)), torch.nn.BatchNorm2d(3)
    )
    state = module.state_dict()
    same(read_back(tmp_path, state, older), state)
    same(
        read_back(tmp_path, dict(module.named_parameters()), older), dict(module.named_parameters())
    )


@both
def test_what_is_not_asked_for_is_not_read(tmp_path, older, monkeypatch):
    path = tmp_path / "weights.pth"
    path.write_bytes(making.saved({"a": torch.ones(3), "b": torch.zeros(7)}, older))
    read = []
    plain = np.frombuffer
    monkeypatch.setattr(np, "frombuffer", lambda *a, **k: read.append(0) or plain(*a, **k))
    with containers.opened(path) as stored:
        assert not read
        assert tensors.array(stored["a"]).sum() == 3
    assert len(read) == 1


@both
def test_a_shared_storage_is_read_once(tmp_path, older):
    base = torch.arange(6.0)
    found = read_back(tmp_path, {"a": base[:4], "b": base[2:]}, older)
    assert np.shares_memory(found["a"], found["b"])


@both
def test_cut_short_anywhere(tmp_path, older):
    state = {"a": torch.arange(6.0), "b": torch.ones(2, 2)}
    content = making.saved(state, older)
    path = tmp_path / "weights.pth"
    for end in range(0, len(content), 23):
        path.write_bytes(content[:end])
        with pytest.raises(errors.UserError) as caught:
            arrays(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


@both
@pytest.mark.parametrize("key", ["a", "b"])  # either may be the last one in the file
def test_cut_short_in_what_is_not_asked_for(tmp_path, older, key):
    path = tmp_path / "weights.pth"
    content = making.saved({"a": torch.ones(700), "b": torch.ones(700)}, older)
    path.write_bytes(content[:-400])
    with pytest.raises(errors.UserError, match="damaged"), containers.opened(path) as stored:
        assert tensors.array(stored[key]).sum() == 700


@both
def test_damaged_anywhere(tmp_path, older):
    content = making.saved({"a": torch.arange(6.0)}, older)
    path = tmp_path / "weights.pth"
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        # Read or refused: another error fails.
        with contextlib.suppress(errors.UserError):
            arrays(path)


def test_another_order_of_bytes(tmp_path):
    path = tmp_path / "weights.pth"
    given = zipfile.ZipFile(io.BytesIO(making.saved({"a": torch.ones(2)}, older=False)))
    with zipfile.ZipFile(path, "w") as archive:
        for name in given.namelist():
            big = name.endswith("/byteorder")
            archive.writestr(name, b"big" if big else given.read(name))
    with pytest.raises(errors.UserError, match="big-endian"):
        arrays(path)


def test_npz(tmp_path):
    path = tmp_path / "weights.npz"
    given = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.int64(4)}
    np.savez_compressed(path, **given)
    for key, array in arrays(path).items():
        np.testing.assert_array_equal(array, given[key])
    np.savez(path, a=np.array([{}]))
    with pytest.raises(errors.UserError, match="pickle"):
        arrays(path)


def safe(entries, data):
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize("padding", [0, 0x50 - 0x3C, 0x80 - 0x3C, 0x4B50 - 0x3C])
def test_safetensors(tmp_path, padding):
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    half = torch.tensor([1.5, -2.0]).bfloat16()
    entries = {
        "__metadata__": {"format": "pt" + "x" * padding},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [4, 28]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
        "c": {"dtype": "BOOL", "shape": [], "data_offsets": [28, 29]},
    }
    data = half.view(torch.uint8).numpy().tobytes() + values.tobytes() + b"\1"
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safe(entries, data))
    found = arrays(path)
    assert list(found) == ["a", "b", "c"]
    np.testing.assert_array_equal(found["a"], values, strict=True)
    assert found["b"].astype(np.float32).tolist() == [1.5, -2.0]
    assert found["c"].tolist() is True


@pytest.mark.parametrize("length", [0x8002, 0x4B50])
def test_a_length_like_another_containers_beginning(length, tmp_path):
    entries = {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}
    entries["__metadata__"] = {"x": ""}
    entries["__metadata__"]["x"] = "y" * (length - len(json.dumps(entries)))
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safe(entries, b"\7"))
    assert arrays(path)["a"] == [7]


@pytest.mark.parametrize(
    ("entry", "data"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, bytes(7)),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 7]}, bytes(8)),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]}, bytes(8)),
        ({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}, bytes(8)),
        ({"dtype": "F9", "shape": [2], "data_offsets": [0, 8]}, bytes(8)),
        ({"shape": [2], "data_offsets": [0, 8]}, bytes(8)),
        ([], b""),
    ],
)
def test_damaged_safetensors(entry, data, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safe({"a": entry}, data))
    with pytest.raises(errors.UserError, match="damaged"):
        arrays(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html>",
        b"version https://git-lfs",
        b"\x89HDF\r\n",
        b"PK",
    ],
)
def test_no_weights_file(content, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(errors.UserError, match="is no weights file, or damaged") as caught:
        arrays(path)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(errors.UserError, match=r"cannot read .*/none: No such file"):
        arrays(tmp_path / "none")
