"""Weights files as other programs write them, with modules of theirs that are not there."""

import collections
import io
import sys
import types

import numpy as np
import torch


def stand_in(monkeypatch, dotted, base=object):
    """A class (or a function, given as ``base``) that pickles by a name nobody here has."""
    module, _, name = dotted.rpartition(".")
    parts = module.split(".")
    for i in range(len(parts)):
        part = ".".join(parts[: i + 1])
        if part not in sys.modules:
            monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    made = base if isinstance(base, types.FunctionType) else type(name, (base,), {})
    made.__module__, made.__qualname__, made.__name__ = module, name, name
    monkeypatch.setattr(sys.modules[module], name, made, raising=False)
    return made


def state(*keys, seed=0, shape=(2, 3, 1, 1)):
    """A state dict with small tensors, as a module gives it: with metadata on it."""
    rng = np.random.default_rng(seed)
    made = torch.nn.Module().state_dict()
    assert made._metadata
    for key in keys:
        made[key] = torch.from_numpy(rng.normal(size=shape).astype(np.float32))
    return made


def saved(value, older):
    """The bytes of ``torch.save``, in the container before 1.6 or in the one since."""
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not older)
    return stream.getvalue()


def network(cls, name, variables, components=None, **kwargs):
    """A network of NVIDIA's in TensorFlow, of the class ``cls``."""
    made = cls()
    made.__dict__.update(
        version=4 if components is not None else 2,
        name=name,
        static_kwargs=kwargs,
        build_module_src="raise SystemExit('run')",
        build_func_name=f"{name}_main",
        variables=list(variables.items()),
    )
    if components is not None:
        made.__dict__["components"] = components
    return made


def persisted(monkeypatch):
    """What makes a module of NVIDIA's in PyTorch: of a class, with its tensors and modules."""

    def reconstruct(meta):
        raise AssertionError("the file's own function was run")

    function = stand_in(
        monkeypatch, "torch_utils.persistence._reconstruct_persistent_obj", reconstruct
    )

    class Module:
        def __init__(self, class_name, parameters, buffers=(), modules=(), **kwargs):
            self.meta = {
                "type": "class",
                "version": 6,
                "module_src": "raise SystemExit('run')",
                "class_name": class_name,
                "state": {
                    "training": False,
                    "_parameters": collections.OrderedDict(parameters),
                    "_buffers": collections.OrderedDict(buffers),
                    "_non_persistent_buffers_set": {"passing"},
                    "_modules": collections.OrderedDict(modules),
                    "weight_gain": np.float64(0.5),
                    "_init_args": (),
                    "_init_kwargs": kwargs,
                },
            }

        def __reduce__(self):
            return function, (self.meta,)

    return Module
