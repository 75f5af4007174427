"""What a config resolves to and what it will cost, without running it."""

import math

import jax
from ml_collections import ConfigDict

from jaxgan.run import drawing, encoded, program
from jaxgan.run.run_folder import to_json
from jaxgan.watch import pictures


def describe(config: ConfigDict) -> str:
    """The resolved config, and parameters, state size, steps and disk."""
    trained_on = encoded.of(config)
    ready = program.prepare(config, trained_on)
    state = ready.shapes["state"]
    lines = [str(ConfigDict(to_json(config))).rstrip(), ""]
    for name, net in state.nets.items():
        count = sum(x.size for x in jax.tree.leaves(net.params))
        lines.append(f"parameters of {name}: {count:,}")
    spec = ready.spec
    epochs = config.steps * ready.batch / spec.size
    lines.append(f"samples: {spec.size:,} of shape {list(spec.shape)}")
    if isinstance(trained_on, encoded.Encoded):
        lines.append(trained_on.plan)
    if "target" in ready.method.entries:
        count = spec.targets or spec.size
        how = "drawn apart" if "target" in ready.method.apart else "each with its sample"
        passes = config.steps * ready.batch / count
        lines.append(f"targets: {count:,} of shape {list(spec.target)}, {how}, {passes:.1f} epochs")
    lines += [
        f"state: {ready.share / 1e6:.1f} MB on each of {ready.devices.mesh.size} devices",
        f"steps: {config.steps:,} with {ready.batch} samples each, {epochs:.1f} epochs",
        f"disk: {checkpoints_size(ready) / 1e6:.1f} MB for {kept(config)} checkpoints and one "
        "under way",
    ]
    if config.sample.every:
        lines.append(f"pictures: {pictures_cost(ready)}")
    return "\n".join(lines)


def kept(config: ConfigDict) -> int:
    """How many checkpoints stay."""
    return config.checkpoint.keep + bool(config.checkpoint.best)


def checkpoints_size(ready: program.Program) -> int:
    """Bytes of the checkpoints that stay, and of one under way."""
    return (kept(ready.config) + 1) * ready.bytes


def pictures_cost(ready: program.Program) -> str:
    """How many pictures there will be, and about what they and their animation take."""
    config, shape, method = ready.config, ready.shape, ready.method
    count = 1 + math.ceil(config.steps / config.sample.every)
    picture, frame = pictures.sizes(config.sample.n, shape)
    if method.encode is not None and len(shape) == 3:
        picture *= 3  # each image beside what is made of it again, too
    if "labels" in method.conditions and len(shape) == 3:
        rows = len(drawing.shown_classes(ready.spec.num_classes))
        picture += pictures.sizes(rows * drawing.COLUMNS, shape)[0]
    animation = min(count, pictures.FRAMES) * frame
    return f"about {count * picture / 1e6:.1f} MB for {count:,}, {animation / 1e6:.1f} MB animated"
