"""Techniques that stabilize a GAN: switches on any adversarial method, each off by default.

Which does what, when to use it, and the paper: ``docs/techniques.md``.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxgan.augment import BLIT, COLOR, CORRUPTION, FILTER, GEOMETRY, POLICIES, TRANSFORMS
from jaxgan.losses import AdversarialLoss

RULES = ("alternating", "simultaneous", "loser")
PENALTIES = ("wgan_gp", "one_sided", "zero_centred", "dragan")
AUGMENTATIONS = ("none", "diffaugment", "latent", "ada", "apa")
CONSISTENCIES = ("none", "cr", "bcr", "zcr", "icr")
# Transformations of ADA by the authors' names of their groups; any of `augment.TRANSFORMS`, too.
GROUPS = {
    "blit": BLIT,
    "geometry": GEOMETRY,
    "color": COLOR,
    "filter": FILTER,
    "corruption": CORRUPTION,
}
# Fields that do something for a switch alone: their names begin with its.
SWITCHES = {"augment": "none", "consistency": "none", "lecam": 0.0, "top_k": 0.0}


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
      penalty_sigma: R1 and R2 by the difference of D's logits over a random step of this deviation,
        and not by its gradient (Lin et al. 2025, arXiv:2501.08316, section 3.4; 0.01 there); 0: by
        the gradient.
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
      augment: of all that D sees: ``'diffaugment'`` (Zhao et al. 2020, arXiv:2006.10738);
        ``'latent'``, GAT's for images of an autoencoder (arXiv:2509.24935); ``'ada'``
        (Karras et al. 2020, arXiv:2006.06676); ``'apa'``: generated images among the real ones
        (Jiang et al. 2021, arXiv:2111.06849).
      augment_policy: of ``'diffaugment'``, names of ``augment.POLICIES`` with commas between.
      augment_transforms: of ``'ada'``, pairs of a group (``'blit'``, ``'geometry'``, ``'color'``,
        ``'filter'``, ``'corruption'``) or a name of ``augment.TRANSFORMS``, and a factor on p.
      augment_p: the probability that ``'ada'`` and ``'apa'`` begin with.
      augment_target: of the mean sign of D's logits of real images, by which p moves; 0: it stays.
      augment_interval: updates of D between two moves of p.
      augment_kimg: thousands of real images in which p can go from 0 to 1.
      consistency: D is to say the same of a sample when it is moved (``'cr'``: real ones, Zhang et
        al. 2020, arXiv:1910.12027; ``'bcr'``: generated ones, too), when its latent is
        (``'zcr'``), or all of that (``'icr'``; Zhao et al. 2021, arXiv:2002.04724).
      consistency_real: weight of the term of real samples.
      consistency_fake: of generated ones.
      consistency_d: of D's term of latents.
      consistency_g: of G's, which drives samples of neighbouring latents apart.
      consistency_sigma: standard deviation of what is added to a latent.
      lecam: weight of the squared distance of D's logits to the past mean of the other side's
        (Tseng et al. 2021, arXiv:2104.03310, eq. 3; 0.3 there).
      lecam_decay: of these means.
      lecam_start: steps before the term counts.
      top_k: G learns from the samples that D takes for real most, this share of them in the end
        (Sinha et al. 2020, arXiv:2002.06224; 0.5 there).
      top_k_decay: factor on their share, from 1 on.
      top_k_every: steps between two such factors; an epoch there.
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
    penalty_sigma: float = 0.0
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
    augment: str = "none"
    augment_policy: str = ",".join(POLICIES)
    augment_transforms: tuple[tuple[str, float], ...] = (
        ("blit", 1.0),
        ("geometry", 1.0),
        ("color", 1.0),
    )
    augment_p: float = 0.0
    augment_target: float = 0.6
    augment_interval: int = 4
    augment_kimg: float = 500.0
    consistency: str = "none"
    consistency_real: float = 10.0
    consistency_fake: float = 10.0
    consistency_d: float = 5.0
    consistency_g: float = 0.5
    consistency_sigma: float = 0.03
    lecam: float = 0.0
    lecam_decay: float = 0.99
    lecam_start: int = 1000
    top_k: float = 0.0
    top_k_decay: float = 0.99
    top_k_every: int = 1000

    def __post_init__(self) -> None:
        """Refuses values that no run can have, and switches that contradict each other."""
        _one_of("update_rule", self.update_rule, RULES)
        _one_of("gradient_penalty_kind", self.gradient_penalty_kind, PENALTIES)
        _one_of("augment", self.augment, AUGMENTATIONS)
        _one_of("consistency", self.consistency, CONSISTENCIES)
        ones = {"lazy_interval", "instance_noise_steps", "pack", "d_refresh_steps"}
        ones |= {"augment_interval", "top_k_every"}
        for name, value in dataclasses.asdict(self).items():
            least = 1 if name in ones else 0
            # Not `value < least`, which is false for nan.
            if not isinstance(value, str | tuple) and not value >= least:
                raise ValueError(f"techniques.{name} must be at least {least}, not {value}")
        shares = ("augment_p", "augment_target", "lecam_decay", "top_k", "top_k_decay")
        for name in ("label_smoothing", "replay_share", *shares):
            if not getattr(self, name) <= 1:
                raise ValueError(f"techniques.{name} must be at most 1")
        if not self.augment_kimg > 0:
            raise ValueError("techniques.augment_kimg must be above 0")
        for field in dataclasses.fields(self):
            for switch, off in SWITCHES.items():
                changed = getattr(self, field.name) != field.default
                if field.name.startswith(f"{switch}_") and getattr(self, switch) == off and changed:
                    raise ValueError(f"techniques.{field.name} has no effect without {switch}")
        for name in self.augment_policy.split(","):
            _one_of("augment_policy", name, POLICIES)
        for name, factor in self.augment_transforms:
            _one_of("augment_transforms", name, (*GROUPS, *TRANSFORMS))
            if not factor >= 0:
                raise ValueError(f"techniques.augment_transforms has a factor of {factor}")
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
                self.penalty_sigma > 0 and not (self.r1 or self.r2),
                "penalty_sigma has no effect without r1 or r2",
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
            (
                self.perturbs_latents and (self.replay > 0 or self.unrolled > 0),
                f"consistency={self.consistency!r} compares new samples with those of latents "
                "beside theirs: not with replay or unrolled",
            ),
        ):
            if wrong:
                raise ValueError(f"techniques.{text}")

    @property
    def perturbs_latents(self) -> bool:
        """Whether samples of latents beside each other are compared."""
        return self.consistency in ("zcr", "icr")

    @property
    def factors(self) -> dict[str, float]:
        """Of ``'ada'``: the factor on p of each transformation."""
        return {
            each: factor
            for name, factor in self.augment_transforms
            for each in GROUPS.get(name, (name,))
        }


def check(
    techniques: Techniques,
    loss: AdversarialLoss,
    n_critic: int,
    discriminator: Mapping[str, Any],
    shape: tuple[int, ...],
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
        (
            t.top_k and loss.paired,
            "techniques.top_k weighs samples by themselves, and this loss compares them with real "
            "ones",
        ),
        *(
            (
                value not in free and len(shape) != 3,
                f"techniques.{name}={value!r} is of images, and these samples have the shape "
                f"{list(shape)}",
            )
            for name, value, free in (
                ("augment", t.augment, ("none", "apa")),
                ("consistency", t.consistency, ("none", "zcr")),
            )
        ),
    ):
        if wrong:
            raise ValueError(text)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"techniques.{name} must be one of {', '.join(choices)}, not {value!r}")
