import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh

from jaxgan.extractors import extractor as lib

DIM, CLASSES = 5, 3


def images(n=10, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 4, 4, 1), dtype=np.uint8)


def weights(seed=1):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(16, DIM)).astype(np.float32)
    return {"features": features, "logits": rng.normal(size=(DIM, CLASSES)).astype(np.float32)}


def linear(traces=None, params=None, logits=True):
    """An extractor of two matrices; ``traces`` grows by one with each compilation."""

    def apply(params, images):
        if traces is not None:
            traces.append(images.shape)
        pixels = images.reshape(len(images), -1).astype(jnp.float32) / 255
        features = jnp.matmul(pixels, params["features"], precision="highest")
        return features, features @ params["logits"] if logits else None

    return lib.Extractor(
        "linear", "0" * 64, "none", DIM, CLASSES if logits else 0, params or weights(), apply
    )


def expected(batch, params):
    features = batch.reshape(len(batch), -1).astype(np.float64) / 255 @ params["features"]
    return features, features @ params["logits"]


def mesh(count):
    return Mesh(np.asarray(jax.devices()[:count]), ("data",), axis_types=(AxisType.Auto,))


@pytest.mark.parametrize("devices", [None, 1, 4])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 250])
def test_features_do_not_depend_on_the_batch_or_the_devices(batch_size, devices):
    batch = images()
    found = lib.extract(linear(), batch, batch_size=batch_size, mesh=devices and mesh(devices))
    features, logits = expected(batch, weights())
    assert found.features.dtype == found.logits.dtype == np.float32
    assert isinstance(found.features, np.ndarray)
    np.testing.assert_allclose(found.features, features, atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)


def test_an_extractor_without_logits_gives_none():
    assert lib.extract(linear(logits=False), images()).logits is None


@pytest.mark.parametrize("devices", [None, 4])
def test_one_compilation_for_all_batches_calls_and_weights(devices):
    traces = []
    one = linear(traces)
    other = lib.Extractor("other", "1" * 64, "none", DIM, CLASSES, weights(2), one.apply)
    for extractor, n in ((one, 10), (one, 9), (other, 11)):
        found = lib.extract(extractor, images(n), batch_size=4, mesh=devices and mesh(devices))
        assert found.features.shape == (n, DIM)
        np.testing.assert_allclose(
            found.features, expected(images(n), extractor.params)[0], atol=1e-5
        )
    assert traces == [(4, 4, 4, 1)]
    assert lib._compile(one.apply, mesh(4)) is lib._compile(other.apply, mesh(4))


def test_the_batch_is_cut_over_the_devices():
    """Two images a device, not eight: seen where the compiled program takes its input."""
    placed = lib._shard(images(8), mesh(4))
    assert [shard.data.shape[0] for shard in placed.addressable_shards] == [2] * 4
    np.testing.assert_array_equal(placed, images(8))


def test_progress_is_told_after_each_batch():
    told = []
    lib.extract(linear(), images(10), batch_size=4, progress=lambda *args: told.append(args))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_features_that_are_not_finite_are_refused():
    def apply(params, images):
        value = images[:, 0, 0, :].astype(jnp.float32)
        return jnp.where(value == 7, params, value), None

    extractor = lib.Extractor("broken", "", "none", 1, 0, np.float32(np.nan), apply)
    batch = images() * 0
    assert lib.extract(extractor, batch).features.tolist() == [[0]] * 10
    batch[6] = 7
    with pytest.raises(ValueError, match=r"broken gives features .* not finite, first for image 6"):
        lib.extract(extractor, batch, batch_size=4)


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        (images().astype(np.float32), r"uint8 \[n, H, W, C\], got float32 \[10, 4, 4, 1\]"),
        (images()[0], r"got uint8 \[4, 4, 1\]"),
        (images(0), r"got uint8 \[0, 4, 4, 1\]"),
    ],
)
def test_other_arrays_are_refused(batch, problem):
    with pytest.raises(ValueError, match=problem):
        lib.extract(linear(), batch)


def test_a_batch_of_none_is_refused():
    with pytest.raises(ValueError, match="batch_size must be positive, got 0"):
        lib.extract(linear(), images(), batch_size=0)


def test_every_byte_survives_the_way_to_floats_and_back():
    values = np.arange(256, dtype=np.uint8)
    floats = (values.astype(np.float32) - 127.5) / 127.5
    assert lib.to_bytes(floats).tolist() == values.tolist()
    assert lib.to_bytes(jnp.asarray(floats)).tolist() == values.tolist()
    assert lib.to_bytes(values) is values


def test_floats_are_rounded_to_the_nearest_byte():
    assert lib.to_bytes(np.array([-1.0005, -0.9965, -0.9955, 1.0005])).tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.nan, "1 of 8 image values are not finite"),
        (np.inf, "1 of 8 image values are not finite"),
        (-np.inf, "1 of 8 image values are not finite"),
        (1.002, r"in \[-1, 1\], but reach from 0 to 1.002"),
        (-1.002, r"in \[-1, 1\], but reach from -1.002 to 0"),
        (255.0, r"in \[-1, 1\], but reach from 0 to 255"),
    ],
)
def test_images_out_of_range_are_refused(value, problem):
    batch = np.zeros((2, 2, 2, 1), np.float32)
    batch[1, 1, 0, 0] = value
    with pytest.raises(ValueError, match=problem):
        lib.to_bytes(batch)


PROGRAM = """
import sys, time
import jax, numpy as np
from jax.sharding import AxisType, Mesh
from jaxgan.base import processes
from jaxgan.extractors import extractor
from tests.extractors import test_extractor as shared

with processes.joined():
    assert jax.process_count() == 2 and jax.device_count() == 4
    mesh = Mesh(np.asarray(jax.devices()), ("data",), axis_types=(AxisType.Auto,))
    over = extractor.extract(shared.linear(), shared.images(), batch_size=7, mesh=mesh)
    alone = extractor.extract(shared.linear(), shared.images())
    time.sleep(jax.process_index())  # process 0, at which the others sign off, is done first
np.testing.assert_allclose(over.features, alone.features, atol=1e-6)
np.testing.assert_allclose(alone.logits, shared.expected(shared.images(), shared.weights())[1],
                           atol=1e-5)
np.save(sys.argv[1], over.features)
"""


def test_two_processes_give_the_same_features(tmp_path):
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    running = []
    for index in range(2):
        env = {
            **os.environ,
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
            "JAX_PLATFORMS": "cpu",
            "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": str(index),
        }
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / f"{index}.npy")]
        running.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    for index in range(2):
        found = np.load(tmp_path / f"{index}.npy")
        np.testing.assert_allclose(found, expected(images(), weights())[0], atol=1e-5)
