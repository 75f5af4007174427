"""The semi-supervised GAN: D classifies, from a few labels, and learns from all images.

Salimans et al. 2016, "Improved Techniques for Training GANs" (arXiv:1606.03498), section 5. D has
K logits l(x), and that of a class "generated" fixed at 0: D(x) = Z / (Z + 1), Z = sum exp l(x). So
``logsumexp l(x)`` is the logit of "real", and the unsupervised loss is that of the first GAN:

    L_D = -E[log p(y | x, real)] - (E[log D(x)] + E[log(1 - D(G(z)))])
    L_G = |E[f(x)] - E[f(G(z))]|^2    (section 3.1, feature matching)
"""

import dataclasses
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import logsumexp

from jaxgan import adversarial, data, losses
from jaxgan.adversarial import Game, head
from jaxgan.adversarial.classifiers import Classifiers
from jaxgan.adversarial.method import init_generator
from jaxgan.adversarial.purposes import OfStep
from jaxgan.adversarial.step import start, step
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws
from jaxgan.base.method import Method
from jaxgan.base.state import Batch, Metrics, State, weights
from jaxgan.data.labelled import draw_labelled
from jaxgan.networks import Critique

PyTree = Any
CLASSES, LABELLED, NOISE = "classes", "labelled", "noise"
# The classifiers that learn beside the GAN: from the same labels alone, and from all.
SUPERVISED, ALL = "supervised", "all_labels"
PREPARED = 500
# The paper's generator matches features, and does nothing else.
MATCHED = Techniques(feature_matching=1.0, feature_matching_alone=True)


@dataclasses.dataclass(frozen=True)
class SGAN:
    """A discriminator that classifies, with two classifiers of the same network to compare with.

    One learns from the same few labels and nothing else, the other from all labels.

    Attributes:
      common: see ``adversarial.Common``. A discriminator that takes noise gets the same draw in
        all passes of a step; its optimizer is the other classifiers' too. By default the loss is
        the equation's, and of the techniques feature matching alone is on.
      num_classes: K, filled in from the dataset.
      labels: how many samples have a known label, balanced over the classes.
      label_seed: of the choice of these samples.
      labelled_weight: of the loss on them. 1 is the equation; 2 the authors' code, which halves the
        other two terms.
      baselines: whether the two classifiers are trained.
      baseline_every: steps from one update of theirs to the next.
      classifier_ema_decay: of the average of D and the other classifiers, which classifies.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat(techniques=MATCHED))
    num_classes: int
    labels: int = 100
    label_seed: int = 0
    labelled_weight: float = 2.0
    baselines: bool = True
    baseline_every: int = 1
    classifier_ema_decay: float = 0.9999

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
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
        if self.common.techniques.pack > 1:
            raise ValueError("techniques.pack: D is to classify single samples")

    @cached_property
    def game(self) -> Game:
        """How they play; what D is given beside the samples stands in the batch."""
        heads, averaged = ((CLASSES, self.num_classes),), self.classifier_ema_decay > 0
        d = adversarial.discriminator(self.common, averaged=averaged, heads=heads)
        size = getattr(d.module, "noise_size", None)
        noise = {NOISE: jnp.zeros((size(self.common.shape),), jnp.float32)} if size else {}
        image = jnp.zeros(self.common.shape, jnp.float32)
        return Game(
            self.common,
            adversarial.generator(self.common),
            d,
            example={LABELLED: {"image": image, "label": jnp.zeros((), jnp.int32)}, **noise},
            of_real=lambda batch, keys: {k: batch[k] for k in (LABELLED, *noise)},
            judge=judge,
            d_terms=self.d_terms,
        )

    def build(self) -> Method:
        """The method."""
        return replace(
            adversarial.method(self.game),
            init=self.init,
            step=self.step,
            entries=("image", "label") if self.baselines else ("image",),
            prepare=self.prepare,
            classify=self.classify,
        )

    def init(self, key: jax.Array, batch: Batch) -> State:
        """Fresh networks, and the labelled samples.

        Args:
          key: of the networks.
          batch: as ``prepare`` gives it; without samples the state has the right shapes alone.
        """
        g_key, noise_key, *d_keys = jax.random.split(key, 5)
        shape = self.common.shape
        images = batch.get("image", jnp.zeros((2, *shape), jnp.float32))
        inputs = (images, *self.noise(draws.sample_keys(noise_key, len(images))).values())
        names = ("d", SUPERVISED, ALL) if self.baselines else ("d",)
        nets = {name: self.game.d.init(d_keys[i], *inputs) for i, name in enumerate(names)}
        state = start(self.game, {**nets, "g": init_generator(self.game, g_key)})
        nothing = {
            "image": jnp.zeros((self.labels, *shape), jnp.float32),
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
        if NOISE not in self.game.example:
            return {}
        return {NOISE: draws.normal(keys, self.game.example[NOISE].shape)}

    def labelled_batch(self, state: State, n: int) -> PyTree:
        """The step's share [n] of the labelled samples, which are gone through in turn."""
        axis_name = self.common.axis_name
        first = 0 if axis_name is None else n * jax.lax.axis_index(axis_name)
        size = n if axis_name is None else n * jax.lax.axis_size(axis_name)
        # The rest first: the product of a long run's step would not fit.
        start = state.step % self.labels * (size % self.labels)
        rows = (start + first + jnp.arange(n, dtype=jnp.int32)) % self.labels
        return jax.tree.map(lambda x: x[rows], state.extras[LABELLED])

    def d_terms(
        self, real: Critique, fake: Critique, of_real: PyTree, of_fake: PyTree
    ) -> adversarial.Terms:
        """The loss on labelled samples."""
        labels, logits = of_real[LABELLED]["label"], head(real, LABELLED)
        loss = losses.semi_supervised_labelled(logits, labels)
        guess = jnp.argmax(logits, axis=-1).astype(labels.dtype)
        right = jnp.mean(guess == labels, dtype=jnp.float32)
        metrics = {"d/labelled_loss": loss, "d/labelled_accuracy": right}
        return self.labelled_weight * loss, metrics

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """The players' updates, those of the other classifiers, and the averages."""
        n, old = batch["image"].shape[0], state
        keys = draws.sample_keys(key, n, self.common.axis_name)
        noise = self.noise(draws.fold(keys, OfStep.VARIANT))
        labelled = self.labelled_batch(state, n)
        state, metrics = step(self.game, state, {**batch, **noise, LABELLED: labelled}, keys)
        nets = dict(state.nets)
        nets["d"] = self.game.d.average(nets["d"], self.classifier_ema_decay, old.step)
        if self.baselines:
            given = {"image": batch["image"], "label": batch["label"]}
            rows = {SUPERVISED: {**labelled, **noise}, ALL: {**given, **noise}}
            learners = {name: old.nets[name] for name in rows}
            more, losses_of = self.classifiers.update(learners, rows, old.step)
            nets, metrics = {**nets, **more}, {**metrics, **losses_of}
        return replace(state, nets=nets), metrics

    @cached_property
    def classifiers(self) -> Classifiers:
        """The classifiers to compare with, which get the noise that D gets."""

        def logits(params: PyTree, stats: PyTree, rows: Batch) -> tuple[jax.Array, PyTree]:
            noise = {name: value for name, value in rows.items() if name == NOISE}
            critique, stats = judge(self.game, params, stats, rows["image"], noise, train=True)
            return head(critique, CLASSES), stats

        return Classifiers(
            self.game.d,
            logits,
            self.baseline_every,
            self.classifier_ema_decay,
            self.common.accumulate,
        )

    def classify(
        self, state: State, images: jax.Array, *, averaged: bool = True
    ) -> dict[str, jax.Array]:
        """Class logits [B, K] of images [B, *shape] by each classifier."""
        names = {"semi_supervised": "d", SUPERVISED: SUPERVISED, ALL: ALL}
        found = {name: state.nets[of] for name, of in names.items() if of in state.nets}
        return {
            name: head(
                judge(self.game, *weights(net, averaged), images, {}, train=False)[0], CLASSES
            )
            for name, net in found.items()
        }


def judge(
    game: Game, params: PyTree, stats: PyTree, values: jax.Array, given: PyTree, *, train: bool
) -> tuple[Critique, PyTree]:
    """What D says of samples, and of the labelled ones where some are given.

    Beside generated samples no one asks for the latter, and the compiler drops them.
    """
    noise = (given[NOISE],) if NOISE in given else ()
    critique, stats = game.d.apply(params, stats, values, *noise, train=train)
    logits = {CLASSES: head(critique, CLASSES)}
    if LABELLED in given:
        images = given[LABELLED]["image"]
        labelled, stats = game.d.apply(params, stats, images, *noise, train=train)
        logits[LABELLED] = head(labelled, CLASSES)
    real = logsumexp(logits[CLASSES], axis=-1)
    return Critique(real, critique.features, logits), stats
