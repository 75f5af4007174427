"""A run made ready: the method on its devices, its data, and the compiled functions of the loop."""

import dataclasses
import math
from collections.abc import Callable, Hashable, Mapping
from functools import cache, cached_property
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import config as configs
from jaxgan import data
from jaxgan.base import errors, parallel
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.base.method import Method
from jaxgan.base.parallel import Devices
from jaxgan.run import contract, encoded, feed, lanes
from jaxgan.run.compiled import Carry, Compiled
from jaxgan.run.feed import shapes as batch_shapes
from jaxgan.watch import totals

PyTree = Any

# Keys apart from those of the steps, which are folded in as 0, 1, 2, ...
INIT, SAMPLE, EVALUATE, RECALIBRATE = (np.uint32(2**32 - 1 - i) for i in range(4))


@dataclasses.dataclass(frozen=True)
class Program:
    """What the loop runs: one run, or the lanes of several seeds.

    Attributes:
      config: completed.
      arms: the method of each arm that is trained, outside a mapped axis.
      mapped: the same, where the step runs.
      devices: where it runs.
      spec: of the training data.
      shapes: of the carry of one lane, as ``ShapeDtypeStruct``.
      prepared: gives the entries of the batch that ``init`` gets, see ``Method.prepare``.
      autoencoder: whose latents the data are, or ``None``.
    """

    config: ConfigDict
    arms: tuple[Method, ...]
    mapped: tuple[Method, ...]
    devices: Devices
    spec: data.Spec
    shapes: Carry
    prepared: Callable[[], Mapping[str, PyTree]] = dict
    autoencoder: Autoencoder | None = None
    _phases: dict[Hashable, Compiled] = dataclasses.field(default_factory=dict)

    @property
    def method(self) -> Method:
        """Of the first arm: for what all have, shapes and conditions."""
        return self.arms[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample as it is seen: of latents that of the images that they are decoded to."""
        return self.autoencoder.shape if self.autoencoder else self.spec.shape

    @cached_property
    def configs(self) -> list[ConfigDict]:
        """Of the lanes."""
        return configs.lanes(self.config)

    @property
    def seeds(self) -> list[int]:
        """Of the lanes."""
        return [config.seed for config in self.configs]

    @cached_property
    def key(self) -> jax.Array:
        """The base key of the run, on the devices; of several lanes those of all."""
        return base_key(self.config.seed if len(self.seeds) == 1 else self.seeds, self.devices)

    @cached_property
    def lanes(self) -> "list[Program]":
        """The run of each lane, to sample from its state and to draw by its keys."""
        if len(self.seeds) == 1:
            return [self]
        found: list[Program] = []
        for method in self.arms:
            phases: dict[Hashable, Compiled] = {}
            for _ in range(self.config.seeds):
                own = dataclasses.replace(
                    self,
                    config=self.configs[len(found)],
                    arms=(method,),
                    mapped=(method,),
                    devices=self.devices.of_one,
                    _phases=phases,
                )
                found.append(own)
        return found

    @property
    def batch(self) -> int:
        """Real samples that one step consumes, over all devices."""
        return self.config.batch_size * self.method.minibatches

    @property
    def template(self) -> Carry:
        """The carry as a checkpoint must be restored: shapes, dtypes and this run's shardings."""
        if self.devices.lanes > 1:
            return lanes.stacked(self.shapes, self.devices)
        return self.devices.shapes(self.shapes, self.carried)

    @property
    def carried(self) -> PyTree:
        """How the carry lies on the devices, see ``Devices.carried``."""
        return self.devices.carried(self.shapes["state"])

    @property
    def bytes(self) -> int:
        """The size of the carry, and so of a checkpoint."""
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(self.template))

    @property
    def share(self) -> int:
        """The bytes of it that each device holds."""
        parts = [(x.sharding.shard_shape(x.shape), x) for x in jax.tree.leaves(self.template)]
        return sum(math.prod(part) * x.dtype.itemsize for part, x in parts)

    def start(self) -> Carry:
        """The carry before the first step."""
        shapes = batch_shapes(self.spec, self.batch, self.method.entries)
        prepared = self.devices.replicate(self.prepared())
        state = self.at(0).init(self.purpose_key(INIT), prepared, tuple(shapes.items()))
        return {"state": state, "totals": self.fresh_totals()}

    def fresh_totals(self, counted: totals.Totals | None = None) -> totals.Totals:
        """Totals with nothing counted; of several lanes what went wrong in ``counted`` stays."""
        shapes = self.shapes["totals"]
        fresh = jax.tree.map(np.asarray, totals.zero(shapes["sums"], self.shapes["state"]))
        if self.devices.lanes == 1:
            return self.devices.replicate(fresh)
        fresh = jax.tree.map(lambda x: np.broadcast_to(x, (self.devices.lanes, *x.shape)), fresh)
        if counted is not None:
            fresh |= {"nonfinite": counted["nonfinite"]}
        return jax.device_put(fresh, self.carried["totals"])

    def at(self, step: int) -> Compiled:
        """The functions for a state after ``step`` steps: those of its phase."""
        phase, _ = self.method.phase(step)
        if phase not in self._phases:
            now = [tuple(arm.phase(step)[1] for arm in of) for of in (self.arms, self.mapped)]
            own = (self.config, self.devices, self.shapes["state"], self.autoencoder)
            self._phases[phase] = Compiled(*own, *now)
        return self._phases[phase]

    def purpose_key(self, purpose: np.uint32) -> jax.Array:
        """A key that no step uses; of several lanes those of all."""
        return lanes.over(self.devices, [jax.random.fold_in], (0, None), 0)(self.key, purpose)

    def parts(self, sources: data.Source | feed.Sources) -> list[feed.Part]:
        """What a batch is made of, from the sources of its entries, or the one of all of them."""
        if isinstance(sources, data.Source):
            sources = {"image": sources}
        # Latents of mirrored images are among those that were encoded.
        if self.config.data.flip and not self.autoencoder:
            sources = {name: data.mirrored.mirror(source) for name, source in sources.items()}
        return feed.parts(self.method, sources)

    def dataset(self, sources: data.Source | feed.Sources) -> PyTree:
        """The whole set on every device, or ``None`` where batches are streamed."""
        if self.config.data.placement == "stream":
            return None
        return self.devices.replicate(feed.whole(self.parts(sources)))

    def batches(self, sources: data.Source | feed.Sources, start: int) -> data.Stream:
        """The batches of steps ``start``, ``start + 1``, ..., on the devices; to be closed.

        With the set on the devices, the batch is its indices and the step picks the rows.
        """
        parts, size = self.parts(sources), self.batch
        if self.config.data.placement == "device":
            steps = range(start, self.config.steps)
            of_lanes: list[Any] = [feed.drawn(parts, seed, steps, size) for seed in self.seeds]
        else:
            of_lanes = [feed.streamed(parts, seed, start, size) for seed in self.seeds]
        batches = data.Merged(of_lanes, data.side_by_side) if len(of_lanes) > 1 else of_lanes[0]
        # Copies are asynchronous, and the loop runs ahead of the device: this is the prefetch.
        return data.Stream(batches, self.devices.shard)


def base_key(seed: int | list[int], devices: Devices) -> jax.Array:
    """The key that all others of a run are made from; of several seeds [lanes]."""
    make = jax.vmap(jax.random.key) if isinstance(seed, list) else jax.random.key
    return jax.jit(make, out_shardings=devices.replicated)(np.asarray(seed, np.uint32))


def prepare(
    config: ConfigDict,
    splits: data.Splits | encoded.Encoded | None = None,
    *,
    begins: bool = True,
    devices: Devices | None = None,
) -> Program:
    """Builds and checks everything that can be wrong before anything is compiled or written.

    Args:
      config: completed.
      splits: what is trained on, see ``encoded.of``, where it is used for more than this.
      begins: whether it starts at the first step. Where a run goes on, its state has what a method
        prepares of the data already.
      devices: instead of those that the config asks for.

    Raises:
      UserError: with the reason, if the method, its networks, the data, the devices or a metric
        named in the config do not fit together.
    """
    splits = splits or encoded.of(config)
    ready = assemble(config, splits.spec(), devices, encoded.whose(splits))
    method, spec, devices = ready.method, ready.spec, ready.devices
    whose = f"method {config.method.name!r}"
    state = ready.shapes["state"]
    batch = batch_shapes(spec, ready.batch, method.entries)
    key = devices.key

    @cache
    def prepared() -> dict[str, PyTree]:
        if method.prepare is None:
            return {}
        with errors.stage("preparing the data for", whose):
            source = splits.source()
            return lanes.alone([dict(arm.prepare(source)) for arm in ready.arms if arm.prepare])

    if begins:
        prepared()
    if config.sample.every or config.evaluation.every:
        averaged = config.evaluation.averaged
        with errors.stage("tracing the samples of", whose):
            contract.check_samples(method, config.steps, state, key, spec, averaged=averaged)
    with errors.stage("tracing the step of", whose):
        given = (*devices.shapes((state, batch)), key)
        metrics = contract.trace(method, config.steps, *given)
        if devices.axis_name is not None:
            contract.check_share(ready.mapped[0], devices, state, batch, key)
    if len(ready.arms) > 1:
        contract.check_arms(ready.arms, config.steps, *given)
    if config.evaluation.every:
        contract.check_comparable(method, whose)
    contract.check_metrics(config, spec, method, list(metrics))
    carry = {"state": state, "totals": jax.eval_shape(totals.zero, metrics, state)}
    return dataclasses.replace(ready, shapes=carry, prepared=prepared)


def assemble(
    config: ConfigDict,
    spec: data.Spec,
    devices: Devices | None = None,
    autoencoder: Autoencoder | None = None,
) -> Program:
    """What a trained model needs, of which no step is looked at: its totals have no shapes.

    Args:
      config: completed.
      spec: of the training data, which need not be there.
      devices: instead of those that the config asks for.
      autoencoder: whose latents the data are.

    Raises:
      UserError: with the reason, if the method, its networks, the data's shapes or the devices do
        not fit together.
    """
    count = configs.count(config)
    if count > 1 and jax.process_count() > 1:
        raise errors.UserError(f"{count} runs in one program are for one process")
    if devices is None:
        asked = config.parallel
        asked_of = (asked.mode, asked.devices, config.batch_size, count)
        devices = parallel.devices(*asked_of, in_parts=asked.shard_parameters)
    mapped = arms = tuple(map(traced, configs.arms(config)))
    if devices.axis_name is not None:
        mapped = (traced(config, devices.axis_name),)
    method = arms[0]
    whose = f"method {config.method.name!r}"
    feed.check(method, whose, spec, config.data.name)
    encoded.check(autoencoder, method, whose)
    if config.data.flip:
        data.mirrored.check(spec, config.data.name)
    batch = batch_shapes(spec, config.batch_size * method.minibatches, method.entries)
    with errors.stage("tracing the initialization of", whose):
        state = jax.eval_shape(method.init, devices.key, batch)
        contract.check_state(state)
    carry = {"state": state, "totals": None}
    return Program(config, arms, mapped, devices, spec, carry, autoencoder=autoencoder)


def traced(config: ConfigDict, axis_name: str | None = None) -> Method:
    """The method of a completed config, whose functions are traced once."""
    return contract.traced_once(configs.build(config, axis_name))
