import io
import os
import pickle
import struct

import pytest
import torch

from jaxgan import weights
from jaxgan.base import errors
from jaxgan.weights import unpickling
from tests.weights import making


class Call:
    """What pickles as a call."""

    def __init__(self, function, *args):
        self.called = function, args

    def __reduce__(self):
        return self.called


def named(name, rest=b"."):
    """A pickle that begins with a name."""
    module, _, attribute = name.rpartition(".")
    return b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + rest


def refused(path):
    with pytest.raises(errors.UserError) as caught:
        weights.read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


def forms(evil):
    """Files with an object, wherever one can be: by a name."""
    tensor = torch.ones(2)
    yield "plain", pickle.dumps({"G_ema": evil})
    yield "protocol 2", pickle.dumps([evil], protocol=2)
    yield "protocol 5", pickle.dumps((evil, 1, 2), protocol=5)
    for older in (False, True):
        yield f"torch {older}", making.saved({"weight": tensor, "more": evil}, older)
    older = making.saved({"weight": tensor}, older=True)
    for i, part in enumerate(pickles_of(older)):
        yield f"part {i}", older.replace(part, pickle.dumps(evil, protocol=2), 1)
    inner = making.saved(evil, older=True)
    yield "nested", pickle.dumps({"G": Call(torch.storage._load_from_bytes, inner)})


def pickles_of(content):
    stream, parts = io.BytesIO(content), []
    for _ in range(5):
        start = stream.tell()
        Ignorant(stream).load()
        parts.append(content[start : stream.tell()])
    return parts


class Ignorant(pickle.Unpickler):
    def find_class(self, module, name):
        return dict if name == "OrderedDict" else lambda *_: None

    def persistent_load(self, reference):
        return None


def test_nothing_is_run(tmp_path):
    mark = tmp_path / "mark"
    evil = Call(os.system, f"touch {mark}")
    for i, (name, content) in enumerate(forms(evil)):
        path = tmp_path / f"{i}.pth"
        path.write_bytes(content)
        expected = f"{path} holds posix.system, which is no tensor and no container: refused"
        assert refused(path) == expected, name
        assert not mark.exists(), name


@pytest.mark.parametrize(
    "name",
    [
        "builtins.eval",
        "builtins.getattr",
        "builtins.list",
        "collections.namedtuple",
        "collections.OrderedDict.update",
        "jaxgan.weights.unpickling.Unpickler",
        "numpy.load",
        "numpy.core.multiarray.fromfile",
        "os.system",
        "subprocess.Popen",
        "torch.load",
        "torch.hub.load",
        "torch._utils._rebuild_tensor_v2.__globals__",
        "torch.nn.functional.conv2d",
        "torch.nn.modules.linear.Linear.forward",
        "R3GAN.os.path.join",
        "training.networks_baseline.torch.load",
        "training.training_loop.training_loop",
        "torch.storage._load_from_bytes.__globals__",
        "torch_utils.persistence.exec",
    ],
)
def test_other_names_are_refused(name, tmp_path):
    path = tmp_path / "weights.pkl"
    path.write_bytes(named(name))
    assert f"holds {name}, which" in refused(path)
    module, _, attribute = name.rpartition(".")
    # As protocol 4 names it: from the stack, where a name may have dots.
    parts = [b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, attribute)]
    path.write_bytes(b"\x80\x04" + b"".join(parts) + b"\x93.")
    assert f"holds {name}, which" in refused(path)


def test_a_name_is_shown_on_one_line(tmp_path):
    path = tmp_path / "weights.pkl"
    name = "sys\x1b[2J\u2028" + "x" * 999
    parts = [
        b"X" + struct.pack("<I", len(text.encode())) + text.encode() for text in (name, "a\nb")
    ]
    path.write_bytes(b"\x80\x04" + b"".join(parts) + b"\x93.")
    message = refused(path)
    assert message.isprintable()
    assert len(message) < len(str(path)) + 200


@pytest.mark.parametrize("name", sorted(unpickling.KNOWN))
@pytest.mark.parametrize("slots", [False, True])
def test_a_file_cannot_change_what_stands_for_a_name(name, slots, tmp_path):
    state = {"__defaults__": (1,), "__call__": 2, "call": 3, "dtype": 4, "name": 5, "state": 6}
    pushed = pickle.dumps((None, state) if slots else state, protocol=2)[2:-1]
    made = unpickling.KNOWN[name]
    ours = [made, getattr(made, "call", None)]
    before = [getattr(part, key, None) for part in ours for key in state]
    path = tmp_path / "weights.pkl"
    path.write_bytes(named(name, pushed + b"b."))
    assert "\n" not in refused(path)
    assert [getattr(part, key, None) for part in ours for key in state] == before


def test_what_is_called_gives_no_more_than_data():
    # What each name makes is none of Python's own functions, classes or modules.
    for name, made in unpickling.KNOWN.items():
        ours = unpickling.Function | unpickling.tensors.Element | str
        data = isinstance(made, type) and issubclass(made, unpickling.Table | unpickling.Inert)
        assert isinstance(made, ours) or data, name


def test_a_memo_is_no_larger_than_its_pickle(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")  # an empty list, at the last place there is
    assert "remembers something at place 2,147,483,647" in refused(path)


def test_names_that_weights_are_made_of():
    content = pickle.dumps([{1, 2}, torch.Size([2, 3]), b"\x00\xff", b""], protocol=2)
    stored = unpickling.load(io.BytesIO(content), "file", unpickling.of_bytes(content))
    assert stored == [{1, 2}, (2, 3), b"\x00\xff", b""]
