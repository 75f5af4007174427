"""What the discriminator sees of samples: augmented, noisy, and in packs."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan import augment
from jaxgan.adversarial import limited
from jaxgan.adversarial.game import Game
from jaxgan.adversarial.packing import pack, unpack
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws
from jaxgan.base.state import State

View = Callable[[jax.Array], jax.Array]


class Views(NamedTuple):
    """How D sees the real and the generated samples [B, ...] of an update: the same at each call.

    ``real`` and ``fake`` map samples to samples; what D gets are packs of these.
    """

    real: View
    fake: View


def views(game: Game, state: State, keys: jax.Array, real: jax.Array, fake: jax.Array) -> Views:
    """The views of one update, of its keys [B], on these real and generated samples."""
    if game.sight is not None:
        return Views(*game.sight(keys, real, fake))
    t, p = game.common.techniques, limited.probability(game, state)

    def view(noise: jax.Array, augmentation: jax.Array) -> View:
        def see(samples: jax.Array) -> jax.Array:
            samples = augmented(t, samples, augmentation, p)
            if not t.instance_noise:
                return samples
            sigma = augment.anneal(
                state.step, initial=t.instance_noise, steps=t.instance_noise_steps
            )
            return augment.instance_noise(noise, samples, sigma)

        return see

    return Views(
        view(draws.fold(keys, OfUpdate.REAL_NOISE), draws.fold(keys, OfUpdate.REAL_AUGMENT)),
        view(draws.fold(keys, OfUpdate.FAKE_NOISE), draws.fold(keys, OfUpdate.FAKE_AUGMENT)),
    )


def augmented(t: Techniques, samples: jax.Array, keys: jax.Array, p: jax.Array) -> jax.Array:
    """Samples [B, ...], each transformed by its key [B]: with ADA's probability p."""
    if t.augment == "diffaugment":
        return augment.diff_augment(keys, samples, policy=t.augment_policy)
    if t.augment == "latent":
        return augment.latent_augment(keys, samples)
    if t.augment == "ada":
        return augment.ada(keys, samples, p, transforms=t.factors)
    return samples


def penalized(game: Game, view: View, critic: View, samples: jax.Array) -> tuple[View, jax.Array]:
    """Where a penalty looks, in packs [B / m, ...], and the critic that it looks at there.

    At samples as D sees them; but before they are augmented, through the augmentation, as the
    authors of ADA and of R3GAN do; and through a game's own sight.
    """
    t = game.common.techniques
    if t.augment in ("none", "apa") and game.sight is None:
        return critic, pack(view(samples), t.pack)
    return lambda packs: critic(pack(view(unpack(packs, t.pack)), t.pack)), pack(samples, t.pack)
