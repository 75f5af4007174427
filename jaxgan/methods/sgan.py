"""The semi-supervised GAN: D classifies, from a few labels, and learns from all images.

Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section 5. D has
K logits l(x), and that of a class "generated" fixed at 0: D(x) = Z / (Z + 1), Z = sum exp l(x). So
``logsumexp l(x)`` is the logit of "real", and the unsupervised loss is that of the first GAN:

    L_D = -E[log p(y | x, real)] - (E[log D(x)] + E[log(1 - D(G(z)))])
    L_G = |E[f(x)] - E[f(G(z))]|^2    (section 3.1, feature matching)
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import logsumexp

from jaxgan import data, draws, game, losses, networks, objectives, play
from jaxgan.data.labelled import draw_labelled
from jaxgan.player import Player
from jaxgan.state import Batch, Metrics, Net, State, weights
from jaxgan.techniques import Techniques

PyTree = Any
CLASSES, LABELLED, NOISE = "classes", "labelled", "noise"
# The classifiers that learn beside the GAN: from the same labels alone, and from all.
SUPERVISED, ALL = "supervised", "all_labels"
# What a sample's key is folded with, above what the players use.
NOISE_KEY = 100
PREPARED = 500


def matched() -> dict[str, Any]:
    """The paper's generator: it matches features, and does nothing else."""
    return {"feature_matching": 1.0, "feature_matching_alone": True}


@dataclasses.dataclass(frozen=True)
class SGAN:
    """A discriminator that classifies, with two classifiers of the same network to compare with.

    One learns from the same few labels and nothing else, the other from all labels.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise. One that takes noise gets the same draw in all passes of a step.
      g_optimizer: Optax name, learning rate and arguments.
      d_optimizer: likewise; of the other classifiers too.
      shape: of one sample, filled in from the dataset.
      num_classes: K, filled in from the dataset.
      labels: how many samples have a known label, balanced over the classes.
      label_seed: of the choice of these samples.
      labelled_weight: of the loss on them. 1 is the equation; 2 the authors' code, which halves the
        other two terms.
      baselines: whether the two classifiers are trained.
      baseline_every: steps from one update of theirs to the next.
      loss: of real and generated, a name in ``jaxgan.losses``; by default the equation's.
      latent_dim: length of z, drawn from N(0, I).
      n_critic: discriminator updates before each generator update, each on a minibatch of its own.
      ema_decay: of the generator's moving average; 0 keeps none.
      classifier_ema_decay: of that of D and the other classifiers, which classifies.
      techniques: switches, see ``techniques``; by default feature matching alone.
      axis_name: the mapped axis over which the batch is split, set by ``parallel``.
    """

    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    g_optimizer: Mapping[str, Any]
    d_optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    num_classes: int
    labels: int = 100
    label_seed: int = 0
    labelled_weight: float = 2.0
    baselines: bool = True
    baseline_every: int = 1
    loss: str = "non_saturating"
    latent_dim: int = 100
    n_critic: int = 1
    ema_decay: float = 0.999
    classifier_ema_decay: float = 0.9999
    techniques: Mapping[str, Any] = dataclasses.field(
        default_factory=matched, metadata={"group": Techniques}
    )
    axis_name: str | None = None

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        game.check(self)
        networks.require("discriminator", self.discriminator, "heads")
        if self.labels < self.num_classes:
            raise ValueError(
                f"labels={self.labels} leaves some of the {self.num_classes} classes without one"
            )
        if not 0 <= self.label_seed < 2**32 or self.baseline_every < 1:
            raise ValueError("label_seed must be in [0, 2**32), and baseline_every at least 1")
        if not self.labelled_weight > 0:
            raise ValueError("labelled_weight must be above 0: nothing else tells D the classes")
        if not 0 <= self.classifier_ema_decay < 1:
            raise ValueError("classifier_ema_decay must be in [0, 1)")
        if Techniques(**self.techniques).pack > 1:
            raise ValueError("techniques.pack: D is to classify single samples")

    @property
    def minibatches(self) -> int:
        """Minibatches of real samples that one step consumes."""
        return self.n_critic

    @cached_property
    def g(self) -> Player:
        """The generator."""
        return game.generator(self)

    @cached_property
    def d(self) -> Player:
        """The discriminator, and each classifier beside it."""
        heads, averaged = ((CLASSES, self.num_classes),), self.classifier_ema_decay > 0
        return game.discriminator(self, averaged=averaged, heads=heads)

    @cached_property
    def rules(self) -> game.Game:
        """How they play."""
        return game.of(
            self, self.generate, self.judge, conditions=self.conditions, d_terms=self.d_terms
        )

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks, and the labelled samples.

        Args:
          key: of the networks.
          batch: as ``prepare`` gives it; without samples the state has the right shapes alone.
        """
        g_key, noise_key, *d_keys = jax.random.split(key, 5)
        images = batch.get("image", jnp.zeros((2, *self.shape), jnp.float32))
        noise_keys = draws.sample_keys(noise_key, len(images))
        inputs = (images, *self.noise(noise_keys).values())
        names = ("d", SUPERVISED, ALL) if self.baselines else ("d",)
        nets = {name: self.d.init(d_keys[i], *inputs) for i, name in enumerate(names)}
        nets["g"] = self.g.init(g_key, jnp.zeros((2, self.latent_dim), jnp.float32))
        example = {"image": jnp.zeros(self.shape, jnp.float32), "label": jnp.zeros((), jnp.int32)}
        noise = {name: values[0] for name, values in self.noise(noise_keys).items()}
        conditions = {LABELLED: example, **noise}
        state = play.start(self.rules, nets, game.Samples(example["image"], conditions))
        nothing = {
            "image": jnp.zeros((self.labels, *self.shape), jnp.float32),
            "label": jnp.arange(self.labels, dtype=jnp.int32) % self.num_classes,
        }
        return replace(state, extras={**state.extras, LABELLED: batch.get(LABELLED, nothing)})

    def prepare(self, source: data.Source) -> Batch:
        """What ``init`` needs: the labelled samples, and some others for their variance."""
        size = min(source.size, PREPARED)
        order = data.indices(self.label_seed, 0, size=source.size, batch_size=size)
        return {
            "image": data.to_float(source.read(order))["image"],
            LABELLED: draw_labelled(source, self.labels, self.label_seed),
        }

    def noise(self, keys: jax.Array) -> dict[str, jax.Array]:
        """The noise that the discriminator takes for each key, if it takes any."""
        size = getattr(self.d.module, "noise_size", None)
        return {NOISE: draws.normal(keys, (size(self.shape),))} if size else {}

    def labelled_batch(self, state: State, n: int) -> PyTree:
        """The step's share [n] of the labelled samples, which are gone through in turn."""
        first = 0 if self.axis_name is None else n * jax.lax.axis_index(self.axis_name)
        size = n if self.axis_name is None else n * jax.lax.axis_size(self.axis_name)
        # The rest first: the product of a long run's step would not fit.
        start = state.step % self.labels * (size % self.labels)
        rows = (start + first + jnp.arange(n, dtype=jnp.int32)) % self.labels
        return jax.tree.map(lambda x: x[rows], state.extras[LABELLED])

    def conditions(self, batch: Batch, keys: jax.Array) -> PyTree:
        """What D is given beside the samples: labelled ones, and the noise of this step."""
        return {name: batch[name] for name in (LABELLED, NOISE) if name in batch}

    def latents(self, keys: jax.Array) -> jax.Array:
        """Latents [len(keys), latent_dim], one for each key."""
        return draws.normal(keys, (self.latent_dim,))

    def generate(
        self, params: PyTree, stats: PyTree, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        """One training sample for each key [B, *shape], and the generator's new statistics."""
        return self.g.apply(params, stats, self.latents(keys), train=True)

    def look(
        self, params: PyTree, stats: PyTree, values: jax.Array, given: Mapping[str, Any]
    ) -> tuple[networks.Critique, PyTree]:
        """What a classifier says in training of samples [B, *shape], with the noise ``given``."""
        noise = (given[NOISE],) if NOISE in given else ()
        return self.d.apply(params, stats, values, *noise, train=True)

    def judge(
        self, params: PyTree, stats: PyTree, values: jax.Array, conditions: PyTree
    ) -> tuple[networks.Critique, PyTree]:
        """What D says in training, of the samples and of the labelled ones, and its statistics.

        Beside generated samples no one asks for the latter, and the compiler drops them.
        """
        critique, stats = self.look(params, stats, values, conditions)
        labelled, stats = self.look(params, stats, conditions[LABELLED]["image"], conditions)
        logits = {CLASSES: game.head(critique, CLASSES), LABELLED: game.head(labelled, CLASSES)}
        real = logsumexp(logits[CLASSES], axis=-1)
        return networks.Critique(real, critique.features, logits), stats

    def d_terms(
        self,
        real: networks.Critique,
        fake: networks.Critique,
        real_conditions: PyTree,
        fake_conditions: PyTree,
    ) -> tuple[jax.Array, Metrics]:
        """The loss on labelled samples."""
        labels, logits = real_conditions[LABELLED]["label"], game.head(real, LABELLED)
        loss = losses.semi_supervised_labelled(logits, labels)
        right = jnp.mean(
            jnp.argmax(logits, axis=-1).astype(labels.dtype) == labels, dtype=jnp.float32
        )
        metrics = {"d/labelled_loss": loss, "d/labelled_accuracy": right}
        return self.labelled_weight * loss, metrics

    def d_loss(
        self, params: PyTree, state: State, real: jax.Array, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The discriminator's loss on real [B, *shape], labelled, and B generated samples."""
        return objectives.d_loss(self.rules, params, state, game.Samples(real, conditions), keys)

    def g_loss(
        self, params: PyTree, state: State, real: jax.Array, conditions: PyTree, keys: jax.Array
    ) -> tuple[jax.Array, tuple[PyTree, Metrics]]:
        """The generator's loss; ``real`` [B, *shape] has the features to be matched."""
        return objectives.g_loss(self.rules, params, state, game.Samples(real, conditions), keys)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """The players' updates, those of the other classifiers, and the averages."""
        n, old = batch["image"].shape[0], state
        keys = draws.sample_keys(key, n, self.axis_name)
        noise = self.noise(draws.fold(keys, NOISE_KEY))
        batch = {**batch, **noise, LABELLED: self.labelled_batch(state, n)}
        state, metrics = play.step(self.rules, state, batch, keys)
        d = self.d.average(state.nets["d"], self.classifier_ema_decay, old.step)
        state = replace(state, nets={**state.nets, "d": d})
        if not self.baselines:
            return state, metrics
        nets, more = self.classifiers(old, batch)
        return replace(state, nets={**state.nets, **nets}), {**metrics, **more}

    def classifiers(self, state: State, batch: Batch) -> tuple[dict[str, Net], Metrics]:
        """The other classifiers after an update, where one is due, and their losses."""
        k, given = self.baseline_every, {SUPERVISED: batch[LABELLED], ALL: batch}

        def loss(params: PyTree, net: Net, rows: Batch) -> tuple[jax.Array, PyTree]:
            critique, stats = self.look(params, net.stats, rows["image"], batch)
            labels = rows["label"].astype(jnp.int32)
            return losses.semi_supervised_labelled(game.head(critique, CLASSES), labels), stats

        def update(_: int, carry: tuple[dict[str, Net], Metrics]) -> tuple[dict[str, Net], Metrics]:
            found, metrics = {}, {}
            for name, net in carry[0].items():
                grad = jax.value_and_grad(loss, has_aux=True)
                (value, stats), grads = grad(net.params, net, given[name])
                net = self.d.update(net, grads, stats)[0]
                found[name] = self.d.average(net, self.classifier_ema_decay, state.step // k)
                # So many times as much, and 0 at other steps: the mean over steps is the loss.
                metrics[f"{name}/loss"] = k * value
            return found, metrics

        nets = {name: state.nets[name] for name in given}
        if k == 1:
            return update(0, (nets, {}))
        # Of the losses' own types, which `shard_map` compares too.
        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(update, 0, (nets, {}))[1])
        # A loop of one round or none, and not `cond`, which copies what it leaves alone.
        return jax.lax.fori_loop(
            0, (state.step % k == 0).astype(jnp.int32), update, (nets, nothing)
        )

    def sample(self, state: State, key: jax.Array, n: int, *, averaged: bool = True) -> jax.Array:
        """Samples [n, *shape]; ``averaged=False`` takes the raw weights."""
        params, stats = weights(state.nets["g"], averaged)
        z = self.latents(draws.sample_keys(key, n))
        return self.g.apply(params, stats, z, train=False)[0]

    def classify(
        self, state: State, images: jax.Array, *, averaged: bool = True
    ) -> dict[str, jax.Array]:
        """Class logits [B, K] of images [B, *shape] by each classifier."""
        names = {"semi_supervised": "d", SUPERVISED: SUPERVISED, ALL: ALL}
        found = {name: state.nets[of] for name, of in names.items() if of in state.nets}
        return {
            name: game.head(self.d.apply(*weights(net, averaged), images, train=False)[0], CLASSES)
            for name, net in found.items()
        }

    def scores(self, state: State, images: jax.Array) -> jax.Array:
        """The discriminator's logits [B] of images [B, *shape] in [-1, 1]."""
        return logsumexp(game.head(game.look(self.rules, state, images), CLASSES), axis=-1)

    def recalibrate(
        self, state: State, key: jax.Array, n: int, batches: int, *, averaged: bool = True
    ) -> State:
        """The state with the generator's batch statistics renewed over ``batches`` of n samples."""
        keys = (draws.sample_keys(jax.random.fold_in(key, i), n) for i in range(batches))
        inputs: list[tuple] = [(self.latents(k),) for k in keys]
        return game.recalibrated(self.g, state, inputs, averaged)
