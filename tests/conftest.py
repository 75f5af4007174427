"""Four simulated devices for every test, and small runs to share."""

import contextlib
import ctypes
import functools
import gc
import importlib.util
import json
import os
import resource
import time
from pathlib import Path

import jax
import jaxlib
import numpy as np
import pytest
from jax._src.interpreters import mlir

from jaxgan import config as config_lib
from jaxgan import train
from jaxgan.base import preemption
from jaxgan.config import variants
from jaxgan.extractors import domain
from jaxgan.extractors.classifier import Recipe
from tests import sharing

# Before the first use of JAX.
jax.config.update("jax_num_cpu_devices", 4)
# A fifth of the time to compile: most programs here run for milliseconds. Processes inherit it.
QUICKLY = "jax_disable_most_optimizations"
jax.config.update(QUICKLY, True)
os.environ[QUICKLY.upper()] = "1"
# Else the folder of the compilation cache is part of what an entry is found by.
CACHES = "jax_persistent_cache_enable_xla_caches"
jax.config.update(CACHES, "none")
os.environ[CACHES.upper()] = "none"
AT_LEAST = "jax_persistent_cache_min_compile_time_secs"
ENDED = "ended"  # a file, of the time until which entries are whole
# XLA aborts at a flag that it does not know, and later versions have no other emitters.
FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
if jaxlib.__version__ == "0.10.2":
    os.environ["XLA_FLAGS"] = f"{FLAGS} {os.environ.get('XLA_FLAGS', '')}"

# JAX makes a context for each program that it lowers, in half of the time of a small one's. All may
# share one.
mlir.make_ir_context = functools.cache(mlir.make_ir_context)

# Processes that tests start may keep the package's bytecode: to start takes a third less time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What the `tf` extra adds to a run's folder, where it is installed.
TENSORBOARD = importlib.util.find_spec("tensorboard") and importlib.util.find_spec("tensorflow")
EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"


# By time, the longest first: so no worker is left with one of them at the end.
LONGEST = (
    *("docs", "interruptions", "laws", "parallel", "train", "progan"),
    *("strict", "main", "bad_input", "sgan"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A law marked ``long`` is in the quick suite for the methods that it names there."""
    files = [f"test_{name}.py" for name in LONGEST]
    items.sort(key=lambda i: files.index(i.path.name) if i.path.name in files else len(files))
    for item in items:
        long = item.get_closest_marker("long")
        if long and item.callspec.params["settings"] not in long.args:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Garbage is looked for less often: tracing makes many objects, and few cycles."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(request, tmp_path_factory):
    """A home of caches, with what earlier sessions compiled; users' own is left alone.

    JAX writes an entry in place: so each worker has a folder, and when it ends it gives the others
    what is new there. What a session that was killed wrote last is not read again.
    """
    home, kept = tmp_path_factory.mktemp("cache"), request.config.cache.mkdir("xla")
    folder = kept / os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    folder.mkdir(exist_ok=True)
    (home / "jaxgan").mkdir()
    (home / "jaxgan" / "xla").symlink_to(folder)  # where the command line has it
    started, ended = time.time(), folder / ENDED
    whole = ended.stat().st_mtime if ended.exists() else 0.0
    for entry in folder.glob("*-cache"):
        written = entry.stat().st_mtime
        if written > whole or written < started - 30 * 24 * 3600:
            entry.unlink()
    # Processes that tests start inherit them.
    for name, value in (("jax_compilation_cache_dir", str(folder)), (AT_LEAST, 0)):
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)
    yield home
    new = [entry for entry in folder.glob("*-cache") if entry.stat().st_mtime >= started]
    for other in (each for each in kept.iterdir() if each.is_dir()):
        for entry in new:
            with contextlib.suppress(FileExistsError):
                os.link(entry, other / entry.name)
        (other / ENDED).touch()


@pytest.fixture(scope="module")
def optimized():
    """Programs as users have them, for modules whose programs run for seconds."""
    jax.config.update(QUICKLY, False)
    del os.environ[QUICKLY.upper()]
    yield
    jax.config.update(QUICKLY, True)
    os.environ[QUICKLY.upper()] = "1"


@pytest.fixture(scope="module")
def quick_classifier(tmp_path_factory):
    """A domain classifier of a few epochs, for what holds in the features of any; kept for none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "Recipe", functools.partial(Recipe, epochs=4))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("classifiers")))
        yield


@pytest.fixture(scope="session")
def programs():
    """What has been traced and compiled of each method, in this process."""
    return {}


@pytest.fixture(scope="module", autouse=True)
def shared_programs(request, programs):
    """Runs of one method share what they trace and compile, whatever else their configs say.

    A module that counts these, or changes what is traced, says ``OWN_PROGRAMS = True``.
    """
    if getattr(request.module, "OWN_PROGRAMS", False):
        yield
        return
    with sharing.shared(programs):
        yield


@pytest.fixture(autouse=True)
def bounded_memory():
    """What tests compiled is let go of when it fills a worker: 2 GiB are to be enough.

    The C library keeps what is freed unless it is told: then every test would seem to fill it.
    """
    yield
    if resident() > 1.75 * 2**30:
        jax.clear_caches()
        gc.collect()
        with contextlib.suppress(AttributeError, OSError):  # another C library has no such function
            ctypes.CDLL(None).malloc_trim(0)


def resident():
    """The bytes of memory that this process holds; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else 0


@pytest.fixture(autouse=True)
def no_signal_received():
    preemption._received.clear()


def smoke(name, *overrides):
    """The smoke config of an experiment, on the embedded digits whatever its own data is."""
    path = EXPERIMENTS / f"{name}.py"
    # Its outlines, where it is images that images are made of.
    own = config_lib.load_experiment(str(path)).get_config().data.name
    known = own if own == "digit_edges" else "digits"
    given = (f"data.name={known}", "parallel.devices=1", *overrides)
    return config_lib.load(str(path), [f"--config.{o}" for o in given], smoke=True)


def quickly(cases, *places):
    """Cases of a parametrized test: those at other places are in the slow suite alone."""
    late = pytest.mark.slow
    return [pytest.param(*case, marks=() if i in places else late) for i, case in enumerate(cases)]


def experiment_of(method_name):
    """An experiment that uses the method: the one on the digits if there is one."""
    using = []
    for path in sorted(EXPERIMENTS.glob("*.py"), key=lambda p: ("digits" not in p.name, p.name)):
        if method_of(path) == method_name:
            using.append(path.stem)
    assert using, f"no experiment uses method {method_name!r}"
    return using[0]


@functools.cache
def method_of(experiment):
    """The name of the method that an experiment uses."""
    return config_lib.load_experiment(str(experiment)).get_config().method.name


METHODS = variants.names()


def stop_at(monkeypatch, step):
    """Makes the next run believe that a signal came before ``step``."""
    monkeypatch.setattr(preemption, "requested", lambda now: now == step)


def run(settings, workdir):
    return train.train(settings, Path(workdir))


def log_lines(workdir, timings=False):
    """metrics.jsonl, without what a clock says."""
    lines = [
        json.loads(line) for line in (Path(workdir) / "metrics.jsonl").read_text().splitlines()
    ]
    if timings:
        return lines
    return [{k: v for k, v in line.items() if not k.startswith("time/")} for line in lines]


def same_bits(a, b):
    """Whether two trees hold the same arrays to the bit, structures included."""
    left, right = jax.tree.flatten(a), jax.tree.flatten(b)
    if left[1] != right[1]:
        return False
    pairs = zip(left[0], right[0], strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)
