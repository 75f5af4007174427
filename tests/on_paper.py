"""Compiles an experiment's step for a TPU slice that is not there, and prints what it would need.

``python -m tests.on_paper EXPERIMENT TOPOLOGY CLASSES STEP [FIELD=VALUE ...]``: the topology as
``v5e:4x4``; CLASSES of the data, 0 for none, or ``pairs`` where each image has a target; STEP is
one of the phase to compile. Needs libtpu, in the version that ``jax[tpu]`` of the same JAX names.
One line of JSON: bytes on each chip, and the collectives by name.
"""

import collections
import dataclasses
import json
import os
import re
import sys

os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TPU_WORKER_HOSTNAMES": "localhost",
}

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan import config, data
from jaxgan.base import parallel
from jaxgan.run import program
from tests.conftest import EXPERIMENTS

COLLECTIVE = re.compile(
    r" (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\("
)


def blank(settings, split):
    """Black images of the size that the experiment asks for; ``data_dir`` is CLASSES."""
    side = settings.image_size or 32
    shape = (side, side, settings.channels or 3)
    paired = settings.data_dir == "pairs"
    classes = 0 if paired else int(settings.data_dir)

    def read(indices):
        rows = {"image": np.zeros((len(indices), *shape), np.uint8)}
        if paired:
            rows["target"] = rows["image"]
        if classes:
            rows["label"] = np.zeros(len(indices), np.int32)
        return rows

    target = shape if paired else ()
    return data.Source("blank", split, shape, classes, 10_000, read, target=target)


def compiled(experiment, topology, classes, step, overrides):
    """The step after so many, compiled for the slice, its data streamed."""
    given = {"data.name": "tests.on_paper.blank", "data.data_dir": classes}
    given |= {"data.placement": "stream", "sample.every": 0}
    given |= {"evaluation.every": 0, "evaluation.extractor": "none", "checkpoint.best": ""}
    overrides = [f"{name}={value}" for name, value in given.items()] + overrides
    path = str(EXPERIMENTS / f"{experiment}.py")
    ready = program.prepare(config.load(path, [f"--config.{each}" for each in overrides]))
    chips = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    mesh = Mesh(np.array(chips).ravel(), (parallel.AXIS,))
    devices = parallel.Devices(mesh, "jit")
    ready = dataclasses.replace(ready, devices=devices, _phases={})
    cut = NamedSharding(mesh, PartitionSpec(parallel.AXIS))
    batch = {"image": ((ready.batch, *ready.spec.shape), jnp.uint8)}
    if ready.spec.num_classes:
        batch["label"] = ((ready.batch,), jnp.int32)
    if ready.spec.target:
        batch["target"] = ((ready.batch, *ready.spec.target), jnp.uint8)
    batch = {name: jax.ShapeDtypeStruct(*of, sharding=cut) for name, of in batch.items()}
    key = jax.eval_shape(lambda: jax.random.key(0))
    key = jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=devices.replicated)
    return ready.at(step).step.lower(ready.template, None, batch, key).compile()


def needs(program):
    """Bytes on each chip, and the collectives."""
    memory = program.memory_analysis()
    return {
        "state": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
        "collectives": dict(collections.Counter(COLLECTIVE.findall(program.as_text()))),
    }


if __name__ == "__main__":
    experiment, topology, classes, step, *overrides = sys.argv[1:]
    print(json.dumps(needs(compiled(experiment, topology, classes, int(step), overrides))))
