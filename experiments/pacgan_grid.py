"""PacGAN on a 5x5 grid of Gaussians: the discriminator judges four samples together.

Paper: Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks"
(arXiv:1712.04086), section 4.1.
Command: python -m jaxgan.main --config=experiments/pacgan_grid.py --workdir=DIR
For packs of m set --config.method.techniques.pack=m --config.batch_size=100m; m = 1 is a plain GAN.
Expected: for m = 1, 2, 3, 4: 16, 23, 24, 24 of 25 modes; 90.1, 89.9, 87.6, 89.8 % high quality,
reverse KL .81, .55, .18, .12 (one run of 100,000 steps each; see docs/results.md). To reach: 17.3,
23.8, 24.6, 24.8 modes, 94.8, 91.3, 94.2, 93.6 %, .70, .13, .06, .04 (Table 1, means of 10 runs of
400,000 steps); not yet reproduced.
"""

from ml_collections import ConfigDict

from bases import points
from bases.smoke import smoke
from jaxgan import sweep


def get_config() -> ConfigDict:
    """The authors' recipe: 100 packs a step, both players at once; 100,000 steps, not 400,000."""
    config = points.base("grid")
    config.steps, config.batch_size = 100_000, 400
    config.sample.every, config.checkpoint.every = 20_000, 10_000
    config.evaluation.every, config.evaluation.n = 10_000, 2500
    config.method.name = "gan"
    config.method.techniques = {"pack": 4, "update_rule": "simultaneous"}
    config.method.generator.kernel_std = config.method.discriminator.kernel_std = 0.02
    config.method.discriminator.maxout = 5
    return config


def get_sweep() -> sweep.Sweep:
    """Packs of 1 to 4, as many packs a step; ten seeds as in Table 1."""
    arms = {f"pack={m}": {"method.techniques.pack": m, "batch_size": 100 * m} for m in (1, 2, 3, 4)}
    return sweep.Sweep(arms, seeds=10, together=True)


def get_smoke_config() -> ConfigDict:
    """The same in seconds."""
    return smoke(get_config())
