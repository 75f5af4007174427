"""Reading the weights of the 2015-12-05 Inception network from their published forms.

PyTorch is not needed for its files: one is a pickle beside raw numbers. Unpickling runs whatever
the file names, so this reader knows a handful of names and refuses all others.
"""

import collections
import dataclasses
import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import errors

# SHA-256 of the published files by their names. The first begins with the eight digits in its own
# name; the second is the one that crowsonkb/k-diffusion checks, in k_diffusion/evaluation.py.
PUBLISHED = {
    "pt_inception-2015-12-05-6726825d.pth": (
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
    ),
    "inception-2015-12-05.pt": "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
}

# What a file may lack.
OPTIONAL = ("/gamma", "output/weight", "output/bias")

DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def read(path: str | Path, *, digest: str = "") -> tuple[dict[str, np.ndarray], str]:
    """The arrays of a weights file by their names in TensorFlow, and its SHA-256 in hex.

    Convolutions are ``NAME/weight`` [out, in, h, w] with ``beta``, ``mean``, ``var`` and perhaps
    ``gamma`` [out]; the classifier, if there, ``output/weight`` [1008, 2048] and ``output/bias``.

    Three forms are known:

    - an ``.npz`` of these names;
    - pytorch-fid's state dict, ``pt_inception-2015-12-05-6726825d.pth``, as a zip or in the form
      that PyTorch wrote before 1.6;
    - the TorchScript of StyleGAN's repositories, ``inception-2015-12-05.pt``, whose modules carry
      TensorFlow's names.

    The two PyTorch forms are tested with files of the same layout that PyTorch wrote from other
    weights, not with the published files themselves; the names come from pytorch-fid's and
    torchvision's modules and from public conversions of the TorchScript file.

    Args:
      path: the file.
      digest: the SHA-256 that it must have; empty: any.

    Raises:
      ValueError: if it is not there, has another digest, or is of no known form.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no weights file {path}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if digest and digest.lower() != found:
        raise ValueError(f"{path} has the SHA-256 {found}, not {digest.lower()}")
    try:
        arrays = _arrays(content)
    except Exception as error:  # a damaged pickle raises almost anything
        raise ValueError(f"{path} is no weights file: {errors.describe(error)}") from error
    return _in_tensorflow_names(arrays), found


def check(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], path: str | Path
) -> None:
    """Raises a ValueError that names the first array that is missing, too many, or misshapen."""
    for name, shape in shapes.items():
        if name not in arrays:
            if not name.endswith(OPTIONAL):
                raise ValueError(f"{path} has no array {name}, which should be {list(shape)}")
        elif arrays[name].shape != shape:
            found = list(arrays[name].shape)
            raise ValueError(f"{path}: {name} is {found}, and should be {list(shape)}")
        elif arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{path}: {name} has values that are not finite numbers")
    for name in arrays:
        if name not in shapes:
            found = list(arrays[name].shape)
            raise ValueError(f"{path} has an array {name} {found}, which the network has not")


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file by the names they have there."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return _read_legacy(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if not pickles:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        root = min(pickles, key=len).removesuffix("data.pkl")
        stored = _unpickle(io.BytesIO(archive.read(f"{root}data.pkl")))
        return _tensors(stored, lambda key: archive.read(f"{root}data/{key}"))


def _read_legacy(content: bytes) -> dict[str, np.ndarray]:
    """What ``torch.save`` wrote before 1.6: four pickles, the storages' keys, the storages."""
    stream = io.BytesIO(content)
    if _unpickle(stream) != LEGACY_MAGIC:
        raise pickle.UnpicklingError("neither an .npz nor a file of PyTorch's")
    _unpickle(stream)  # the version of the protocol
    _unpickle(stream)  # the machine
    stored = _unpickle(stream)
    sizes = {tensor.storage.key: tensor.storage for tensor in _flat(stored).values()}
    raw = {}
    for key in _unpickle(stream):
        count = int.from_bytes(stream.read(8), "little")
        raw[key] = stream.read(count * sizes[key].dtype.itemsize)
    return _tensors(stored, raw.__getitem__)


@dataclasses.dataclass(frozen=True)
class _Storage:
    """Where numbers are: they follow the pickle in the file."""

    dtype: np.dtype
    key: str


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """A view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Module:
    """A TorchScript module: whatever the file sets on it."""


class _Unpickler(pickle.Unpickler):
    """Knows tensors, dicts and TorchScript modules, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name in the pickle."""
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: _Tensor(
                storage, offset, tuple(shape), tuple(strides)
            )
        if module.startswith("__torch__"):
            return type("Module", (_Module,), {})
        if module == "torch.jit._pickle" and name.startswith(("build_", "restore_type_tag")):
            return lambda value, *rest: value
        raise pickle.UnpicklingError(f"it names {module}.{name}, which weights do not need")

    def persistent_load(self, reference: Any) -> _Storage:
        """A storage that the pickle refers to: ``('storage', type, key, device, count, ...)``."""
        kind, dtype, key = reference[:3]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("it refers to something else than a storage")
        return _Storage(dtype, str(key))


def _unpickle(stream: io.BytesIO) -> Any:
    return _Unpickler(stream, encoding="utf-8").load()


def _flat(stored: Any, prefix: str = "") -> dict[str, _Tensor]:
    """The tensors in a state dict or a tree of modules, by their dotted names."""
    found: dict[str, _Tensor] = {}
    for name, value in (stored if isinstance(stored, Mapping) else vars(stored)).items():
        if isinstance(value, _Tensor):
            found[f"{prefix}{name}"] = value
        elif isinstance(value, _Module):
            found |= _flat(value, f"{prefix}{name}.")
    return found


def _tensors(stored: Any, raw: Callable[[str], bytes]) -> dict[str, np.ndarray]:
    """The tensors as arrays, given the bytes of each storage."""
    arrays = {}
    for name, tensor in _flat(stored).items():
        numbers = np.frombuffer(raw(tensor.storage.key), tensor.storage.dtype)
        # NumPy does not check a view's bounds.
        steps = [(size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True)]
        if min([tensor.offset, *steps, *tensor.strides]) < 0 or (
            tensor.offset + sum(steps) >= numbers.size
        ):
            raise pickle.UnpicklingError(f"{name} reaches outside its storage")
        view = np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :],
            tensor.shape,
            [step * numbers.itemsize for step in tensor.strides],
        )
        arrays[name] = view.copy()
    return arrays


# pytorch-fid's names are torchvision's. A numbered series such as branch5x5_1, branch5x5_2 is
# tower/conv, tower/conv_1.
_STEM = {
    "Conv2d_1a_3x3": "conv",
    "Conv2d_2a_3x3": "conv_1",
    "Conv2d_2b_3x3": "conv_2",
    "Conv2d_3b_1x1": "conv_3",
    "Conv2d_4a_3x3": "conv_4",
}
_POOLED = {"branch1x1": "conv", "branch_pool": "tower_2/conv"}
_MIXED_35 = _POOLED | {"branch5x5": "tower/conv", "branch3x3dbl": "tower_1/conv"}
_MIXED_17 = _POOLED | {"branch7x7": "tower/conv", "branch7x7dbl": "tower_1/conv"}
_MIXED_8 = {
    "branch1x1": "conv",
    "branch3x3_1": "tower_conv",
    "branch3x3_2a": "tower_mixed_conv",
    "branch3x3_2b": "tower_mixed_conv_1",
    "branch3x3dbl_1": "tower_1_conv",
    "branch3x3dbl_2": "tower_1_conv_1",
    "branch3x3dbl_3a": "tower_1_mixed_conv",
    "branch3x3dbl_3b": "tower_1_mixed_conv_1",
    "branch_pool": "tower_2_conv",
}
_MIXED = {
    "Mixed_5b": ("mixed", _MIXED_35),
    "Mixed_5c": ("mixed_1", _MIXED_35),
    "Mixed_5d": ("mixed_2", _MIXED_35),
    "Mixed_6a": ("mixed_3", {"branch3x3": "conv", "branch3x3dbl": "tower/conv"}),
    "Mixed_6b": ("mixed_4", _MIXED_17),
    "Mixed_6c": ("mixed_5", _MIXED_17),
    "Mixed_6d": ("mixed_6", _MIXED_17),
    "Mixed_6e": ("mixed_7", _MIXED_17),
    "Mixed_7a": ("mixed_8", {"branch3x3": "tower/conv", "branch7x7x3": "tower_1/conv"}),
    "Mixed_7b": ("mixed_9", _MIXED_8),
    "Mixed_7c": ("mixed_10", _MIXED_8),
}
_PARTS = {
    "conv.weight": "weight",
    "bn.weight": "gamma",
    "bn.bias": "beta",
    "bn.running_mean": "mean",
    "bn.running_var": "var",
}


def _in_tensorflow_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of any form by their names in TensorFlow; unknown names stay as they are."""
    if any(name.startswith("layers.") for name in arrays):
        return {
            name.removeprefix("layers.").replace(".", "/"): array for name, array in arrays.items()
        }
    if any(name.startswith("Conv2d_1a") for name in arrays):
        return {
            _of_torchvision(name): array
            for name, array in arrays.items()
            if not name.endswith(".num_batches_tracked")
        }
    return arrays


def _of_torchvision(name: str) -> str:
    """The name in TensorFlow of one of torchvision's, or itself if it is not known."""
    if name.startswith("fc."):
        return f"output/{name.removeprefix('fc.')}"
    place = name.split(".")
    suffix = _PARTS.get(".".join(place[-2:]))
    del place[-2:]
    if suffix and len(place) == 1 and place[0] in _STEM:
        return f"{_STEM[place[0]]}/{suffix}"
    if suffix and len(place) == 2 and place[0] in _MIXED:
        block, towers = _MIXED[place[0]]
        series, _, index = place[1].rpartition("_")
        if place[1] in towers:
            return f"{block}/{towers[place[1]]}/{suffix}"
        if series in towers and index.isdecimal():
            number = f"_{int(index) - 1}" if int(index) > 1 else ""
            return f"{block}/{towers[series]}{number}/{suffix}"
    return name
