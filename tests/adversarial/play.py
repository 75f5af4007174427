"""What tests of two players share: small ones on points, and the losses that train them."""

from jaxgan.adversarial import Samples, objectives
from jaxgan.config import variants

Z, RATE = 3, 0.05
SGD = {"name": "sgd", "learning_rate": RATE}
SMALL = {
    "generator": {"name": "mlp", "features": (6,), "output": "linear"},
    "discriminator": {"name": "mlp", "features": (5,)},
    "g_optimizer": SGD,
    "d_optimizer": SGD,
    "shape": (2,),
    "latent_dim": Z,
}


def make(cls, fields, axis_name=None):
    """A variant of small players; ``fields`` are flat, as in a config."""
    return variants.made(cls, {**SMALL, **fields}, axis_name=axis_name)


def d_loss(game, params, state, real, keys, conditions=None, of_fake=None):
    """D's loss on real samples and as many fresh ones, by default of the same conditions."""
    conditions = conditions or {}
    fake = objectives.fakes(game, state, conditions if of_fake is None else of_fake, keys)
    return objectives.critic_loss(game, params, state, Samples(real, conditions), fake, keys)


def g_loss(game, params, state, real, keys, conditions=None, of_fake=None):
    """G's loss likewise."""
    conditions = conditions or {}
    asked = conditions if of_fake is None else of_fake
    return objectives.g_loss(game, params, state, Samples(real, conditions), asked, keys)
