"""Techniques that stabilize a GAN: switches on any adversarial method, each off by default.

Which does what, when to use it, and the paper: ``docs/techniques.md``.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import augment, regularizers
from jaxgan.adversarial.packing import pack
from jaxgan.losses import AdversarialLoss

PyTree = Any
Critic = Callable[[jax.Array], jax.Array]

RULES = ("alternating", "simultaneous", "loser")
PENALTIES = ("wgan_gp", "one_sided", "zero_centred", "dragan")


@dataclasses.dataclass(frozen=True)
class Techniques:
    """The group ``techniques`` of an adversarial method's config.

    Attributes:
      update_rule: ``'alternating'``: G answers D's new parameters; ``'simultaneous'``: both move
        from the same point; ``'loser'``: of the two only the one that is behind moves, see
        ``deficit``.
      label_smoothing: D's target for real samples is 1 minus this (one-sided; Salimans et al. 2016,
        arXiv:1606.03498, section 3.4).
      feature_matching: weight in G's loss of ``|mean f(x) - mean f(G(z))|^2`` for D's penultimate
        features f (Salimans et al. 2016, section 3.1), beside the adversarial term.
      feature_matching_alone: leaves that adversarial term out, as the paper does.
      gradient_penalty: weight of a penalty on the norm of D's gradient (Gulrajani et al. 2017,
        arXiv:1704.00028, eq. 3; 10 there).
      gradient_penalty_kind: ``'wgan_gp'``: ``(|.| - target)^2`` between real and generated samples;
        ``'one_sided'``: larger norms alone; ``'zero_centred'``: ``|.|^2``; ``'dragan'``: around
        real samples.
      gradient_penalty_target: the norm wanted.
      r1: gamma of ``gamma / 2 mean |grad D(x)|^2`` at real samples (Mescheder et al. 2018,
        arXiv:1801.04406, eq. 9).
      r2: likewise at generated samples (eq. 10).
      lazy_interval: R1 and R2 at every so many steps, and so many times as strong (Karras et al.
        2020, arXiv:1912.04958, section 3.1).
      weight_clip: D's parameters are clipped to this after its update (Arjovsky et al. 2017,
        arXiv:1701.07875, algorithm 1; 0.01 there).
      historical_averaging: weight in both losses of the squared distance of a player's parameters
        to their mean over past steps (Salimans et al. 2016, section 3.3).
      orthogonal: weight in G's loss of ``|W^T W * (1 - I)|^2`` of its kernels, tables aside (Brock
        et al. 2019, arXiv:1809.11096, eq. 3; 1e-4 there).
      instance_noise: standard deviation of the noise on all that D sees at step 0 (Soenderby et al.
        2017, arXiv:1610.04490, section 3.2); it falls linearly to 0.
      instance_noise_steps: the step at which it is 0.
      replay: size of a buffer of past generated samples that D keeps seeing (Shrivastava et al.
        2017, arXiv:1612.07828, section 2.3).
      replay_share: of D's generated samples that are past ones.
      unrolled: updates of D that G looks ahead, and differentiates through (Metz et al. 2017,
        arXiv:1611.02163).
      pack: samples that D judges together (Lin et al. 2018, arXiv:1712.04086), with the labels of
        each where it has them.
      d_refresh_every: steps between two refreshes of D, extra updates on this step's real samples
        and new generated ones; 0 is never.
      d_refresh_steps: updates in a refresh.
    """

    update_rule: str = "alternating"
    label_smoothing: float = 0.0
    feature_matching: float = 0.0
    feature_matching_alone: bool = False
    gradient_penalty: float = 0.0
    gradient_penalty_kind: str = "wgan_gp"
    gradient_penalty_target: float = 1.0
    r1: float = 0.0
    r2: float = 0.0
    lazy_interval: int = 1
    weight_clip: float = 0.0
    historical_averaging: float = 0.0
    orthogonal: float = 0.0
    instance_noise: float = 0.0
    instance_noise_steps: int = 10_000
    replay: int = 0
    replay_share: float = 0.5
    unrolled: int = 0
    pack: int = 1
    d_refresh_every: int = 0
    d_refresh_steps: int = 1

    def __post_init__(self) -> None:
        """Refuses values that no run can have, and switches that contradict each other."""
        _one_of("update_rule", self.update_rule, RULES)
        _one_of("gradient_penalty_kind", self.gradient_penalty_kind, PENALTIES)
        ones = ("lazy_interval", "instance_noise_steps", "pack", "d_refresh_steps")
        for name, value in dataclasses.asdict(self).items():
            least = 1 if name in ones else 0
            # Not `value < least`, which is false for nan.
            if not isinstance(value, str) and not value >= least:
                raise ValueError(f"techniques.{name} must be at least {least}, not {value}")
        for name in ("label_smoothing", "replay_share"):
            if not getattr(self, name) <= 1:
                raise ValueError(f"techniques.{name} must be at most 1")
        if self.label_smoothing == 1:
            raise ValueError("techniques.label_smoothing must be below 1: no sample would be real")
        only = self.update_rule != "alternating"
        for wrong, text in (
            (
                self.feature_matching_alone and not self.feature_matching,
                "feature_matching_alone leaves G without a loss: set feature_matching",
            ),
            (
                self.gradient_penalty_kind == "zero_centred" and self.gradient_penalty_target != 1,
                "gradient_penalty_target has no effect with gradient_penalty_kind='zero_centred'",
            ),
            (
                self.weight_clip > 0 and self.gradient_penalty > 0,
                "weight_clip and gradient_penalty bound the same slope twice: take one of them",
            ),
            (
                self.lazy_interval > 1 and not (self.r1 or self.r2),
                "lazy_interval has no effect without r1 or r2",
            ),
            (
                only and self.unrolled > 0,
                f"unrolled looks ahead of an update of D, and update_rule={self.update_rule!r} "
                "has none before G's: use 'alternating'",
            ),
            (
                only and self.d_refresh_every > 0,
                f"d_refresh_every adds updates of D, and update_rule={self.update_rule!r} has one "
                "for each player: use 'alternating'",
            ),
        ):
            if wrong:
                raise ValueError(f"techniques.{text}")

    def view(self, samples: jax.Array, step: jax.Array, keys: jax.Array) -> jax.Array:
        """What D sees of samples [B, ...]: noisy, and in packs [B / pack, ...]."""
        if self.instance_noise:
            sigma = augment.anneal(
                step, initial=self.instance_noise, steps=self.instance_noise_steps
            )
            samples = augment.instance_noise(keys, samples, sigma)
        return pack(samples, self.pack)

    def penalties(
        self,
        real_critic: Critic,
        fake_critic: Critic,
        real: jax.Array,
        fake: jax.Array,
        keys: jax.Array,
        step: jax.Array,
        axis_name: str | None,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """What is added to D's loss for its gradient, and each penalty without its weight.

        Args:
          real_critic: from samples to logits, with the conditions of the real samples.
          fake_critic: with those of the generated ones.
          real: [B, ...] as D sees them.
          fake: likewise, of the same shape.
          keys: [B].
          step: the number of steps so far.
          axis_name: the mapped axis over which the batch is split.
        """
        total, found = jnp.zeros((), jnp.float32), {}
        if self.gradient_penalty:
            if self.gradient_penalty_kind == "dragan":
                value = regularizers.dragan(
                    real_critic,
                    real,
                    keys,
                    target=self.gradient_penalty_target,
                    axis_name=axis_name,
                )
            else:
                zero = self.gradient_penalty_kind == "zero_centred"
                value = regularizers.gradient_penalty(
                    real_critic,
                    real,
                    fake,
                    keys,
                    target=0.0 if zero else self.gradient_penalty_target,
                    one_sided=self.gradient_penalty_kind == "one_sided",
                    axis_name=axis_name,
                )
            total, found["gradient_penalty"] = total + self.gradient_penalty * value, value
        for name, gamma, penalty, critic, samples in (
            ("r1", self.r1, regularizers.r1, real_critic, real),
            ("r2", self.r2, regularizers.r2, fake_critic, fake),
        ):
            if gamma:
                value = self._lazily(partial(penalty, critic, samples), step)
                total, found[name] = total + gamma / 2 * value, value
        return total, found

    def _lazily(self, penalty: Callable[[], jax.Array], step: jax.Array) -> jax.Array:
        k = self.lazy_interval
        if k == 1:
            return penalty()
        # Of the penalty's own type, which `shard_map` compares too.
        like = jax.eval_shape(penalty)
        return jax.lax.cond(step % k == 0, lambda: k * penalty(), lambda: jnp.zeros_like(like))


def deficit(
    loss: AdversarialLoss,
    real_logits: jax.Array,
    fake_logits: jax.Array,
    labels: Mapping[str, float],
) -> jax.Array:
    """How far D is behind G: positive where D loses, a scalar.

    Each player's loss is taken relative to what it is at a tie, where all logits are equal: one
    loss has two terms and the other has one, so as they stand they cannot be compared. Not for a
    loss without a tie, whose generator loss has no level.
    """
    assert loss.tie is not None
    real_tie, fake_tie = jnp.full_like(real_logits, loss.tie), jnp.full_like(fake_logits, loss.tie)
    d_excess = loss.discriminator(real_logits, fake_logits, **labels) - loss.discriminator(
        real_tie, fake_tie, **labels
    )
    return d_excess - (
        loss.generator(fake_logits, real_logits) - loss.generator(fake_tie, real_tie)
    )


def correlation(params: PyTree) -> jax.Array:
    """How far the outputs of a network's kernels are from orthogonal; tables have no outputs."""
    leaves = jax.tree.leaves_with_path(params)
    kernels = [x for path, x in leaves if getattr(path[-1], "key", "") != "embedding"]
    return regularizers.orthogonal(kernels)


def check(
    techniques: Techniques, loss: AdversarialLoss, n_critic: int, discriminator: Mapping[str, Any]
) -> None:
    """Refuses techniques that contradict the rest of an adversarial method.

    Raises:
      ValueError: naming the fields.
    """
    t = techniques
    for wrong, text in (
        (
            t.label_smoothing and not loss.labelled,
            "techniques.label_smoothing needs a loss with labels (such as non_saturating or "
            "least_squares), and this one has none",
        ),
        (
            t.weight_clip and discriminator.get("weight") == "spectral",
            "techniques.weight_clip and discriminator.weight='spectral' contradict each other: "
            "what is clipped is divided by its norm afterwards",
        ),
        (
            t.update_rule != "alternating" and n_critic > 1,
            f"techniques.update_rule={t.update_rule!r} has one update for each player, and "
            f"n_critic={n_critic} asks for more of D's",
        ),
        (
            t.update_rule == "loser" and loss.tie is None,
            "techniques.update_rule='loser' compares the players' losses, and those of this loss "
            "have no level to compare",
        ),
    ):
        if wrong:
            raise ValueError(text)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"techniques.{name} must be one of {', '.join(choices)}, not {value!r}")
