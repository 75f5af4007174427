"""Unpickling that runs nothing: every name in a pickle has a stand-in of ours, or is refused.

A pickle is a program: it names functions and classes, calls them and sets what they return. Here
names are looked up in a table of what weights are made of, and importing is left out altogether.
Stand-ins cannot be changed by the file: functions are tuples, and a class takes no state.
"""

import functools
import io
import pickle
import pickletools
import re
from collections.abc import Callable
from typing import IO, Any, NamedTuple

from jaxgan.base import errors
from jaxgan.weights import tensors

MAGIC = 0x1950A86A20F9469CFC6C  # PyTorch's older container begins with this number
_SPARE = 2**16  # places of a memo that a pickle may leave empty


class Function(NamedTuple):
    """A function of ours in the place of the one that the file names."""

    call: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        """What the file gets."""
        return self.call(*args)


class Table(dict):
    """An OrderedDict or EasyDict; what is hung on it (versions of modules) is let go."""

    def __setstate__(self, state: Any) -> None:
        """Takes none."""


class Inert:
    """An object of a class that is not there: its name and the state that it was given."""

    name = ""
    state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Takes it as it is."""
        self.state = state


class Persisted:
    """A module of StyleGAN's repositories: a dict with its class's name, source and state.

    The source is in ``meta['module_src']`` and is text here.
    """

    def __init__(self, meta: dict[str, Any]) -> None:
        self.meta = meta

    def __setstate__(self, state: Any) -> None:
        """Takes none."""


def _encoded(text: str, encoding: str) -> bytes:
    """How protocol 2 writes bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin1")


@functools.cache
def _inert(name: str) -> type[Inert]:
    return type("Inert", (Inert,), {"name": name})


NETWORKS = ("dnnlib.tflib.network.Network", "tfutil.Network")
ZOO_CONFIG = "models.utils.config.BaseConfig"
_OBJECTS = (
    "argparse.Namespace",
    ZOO_CONFIG,
    *NETWORKS,
)
# Classes of modules that a pickle holds whole: PyTorch's own, of which BigGAN-PyTorch's config has
# one, and R3GAN's under both of its names. Whatever they are, they stand for what they hold.
_CLASSES = re.compile(
    r"(torch\.nn\.modules\.\w+|(R3GAN|BaselineGAN)\.\w+|training\.networks(_baseline)?)\.\w+"
)
_NUMPY = {
    "multiarray._reconstruct": Function(lambda *_: tensors.Array()),
    "multiarray.scalar": Function(tensors.scalar),
    "numeric._frombuffer": Function(tensors.values),
}
KNOWN: dict[str, Any] = {
    "_codecs.encode": Function(_encoded),
    # Python 3 calls it builtins, and __builtin__ in protocol 2.
    **{f"{place}.bytes": Function(lambda: b"") for place in ("builtins", "__builtin__")},
    **{f"{place}.set": Function(set) for place in ("builtins", "__builtin__")},
    "collections.OrderedDict": Table,
    "dnnlib.util.EasyDict": Table,
    "numpy.dtype": Function(tensors.DType),
    "numpy.ndarray": "",  # named only to say what _reconstruct makes
    "torch.Size": Function(tuple),
    **{f"torch.{name}": name for name in ("bfloat16", "float16", "float32")},
    "torch.device": Function(lambda *place: ":".join(map(str, place))),
    "torch._utils._rebuild_parameter": Function(lambda tensor, *_: tensor),
    "torch._utils._rebuild_tensor": Function(tensors.rebuilt),
    "torch._utils._rebuild_tensor_v2": Function(tensors.rebuilt),
    "torch_utils.persistence._reconstruct_persistent_obj": Function(Persisted),
    **{name: _inert(name) for name in _OBJECTS},
    **{f"numpy.{c}.{name}": made for c in ("core", "_core") for name, made in _NUMPY.items()},
    **tensors.ELEMENTS,
}


class Unpickler(pickle.Unpickler):
    """Knows the table and storages; everything else is refused by its name."""

    def __init__(
        self, stream: IO[bytes], path: Any, raw: Callable[[str], tensors.Buffer] | None = None
    ) -> None:
        # What Python 2 wrote as text may be bytes: this encoding keeps them.
        super().__init__(stream, encoding="latin1")
        self._stream = stream
        self._path = path
        self._raw = raw
        self.sizes: dict[str, int] = {}  # of a number of each storage

    def load(self) -> Any:
        """What the pickle makes, once its memo is known to be no larger than it is itself.

        Python makes room up to the highest place that is written to: of a damaged file 34 GB.
        """
        start = self._stream.tell()
        for steps, (code, place, _) in enumerate(pickletools.genops(self._stream)):
            if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(place or 0) > steps + _SPARE:
                raise pickle.UnpicklingError(f"it remembers something at place {place:,}")
        self._stream.seek(start)
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name.

        Raises:
          UserError: for one that is not in the table.
        """
        whole = f"{module}.{name}"
        if whole == "torch.storage._load_from_bytes":
            return Function(self._nested)
        if _CLASSES.fullmatch(whole):
            return _inert(whole)
        if whole not in KNOWN:
            shown = ascii(whole)[1:-1][:100]
            raise errors.UserError(
                f"{self._path} holds {shown}, which is no tensor and no container: refused"
            )
        return KNOWN[whole]

    def persistent_load(self, reference: Any) -> Any:
        """What the pickle leaves to its reader: in the older container a class, and storages.

        These are ``('module', class, file, source)``, and ``('storage', element, key, device,
        count)``, to which old files add a view of it: ``(key, start, count)``.
        """
        kind, what, key = reference[:3]
        if kind == "module" and isinstance(what, type) and issubclass(what, Inert):
            return what
        if kind != "storage" or not isinstance(what, tensors.Element) or self._raw is None:
            raise pickle.UnpicklingError("it refers to something else than a storage")
        self.sizes[key] = what.dtype.itemsize
        view = reference[5] if len(reference) > 5 else None
        read = functools.partial(self._raw, key)
        return tensors.Storage(what.dtype, read, start=view[1] if view else 0)

    def _nested(self, content: bytes) -> Any:
        """A file of PyTorch's inside of this one: StyleGAN's have one for each storage."""
        return load(io.BytesIO(content), self._path, of_bytes(content))


def of_bytes(content: bytes) -> Callable[[int, int], tensors.Buffer]:
    """What gives ``size`` bytes from ``start`` on, in place."""
    return lambda start, size: memoryview(content)[start : start + size]


def load(stream: IO[bytes], path: Any, take: Callable[[int, int], tensors.Buffer]) -> Any:
    """What is in a pickle, or in PyTorch's older container: five pickles, then the storages.

    Args:
      stream: at its beginning, and open until the last tensor in it became an array.
      path: what to call it.
      take: gives ``size`` bytes from ``start`` on.

    Raises:
      UserError: if it names what is neither a tensor nor a container; then nothing was run.
      Exception: almost any other, if it is damaged.
    """
    first = Unpickler(stream, path).load()
    if first != MAGIC:
        return first
    Unpickler(stream, path).load()  # the version of the protocol
    Unpickler(stream, path).load()  # the machine
    places: dict[str, tuple[int, int]] = {}
    unpickler = Unpickler(stream, path, functools.cache(lambda key: take(*places[key])))
    stored = unpickler.load()
    keys = Unpickler(stream, path).load()
    start, end = stream.tell(), stream.seek(0, io.SEEK_END)
    for key in keys:
        count = int.from_bytes(take(start, 8), "little")
        places[key] = start + 8, count * unpickler.sizes[key]
        start = sum(places[key])
        if start > end:
            raise EOFError("it ends within a tensor")
    return stored
