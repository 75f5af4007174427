"""The two-player GAN, its adversarial loss chosen by name and its techniques by switches.

Goodfellow et al. 2014, "Generative Adversarial Nets" (arXiv:1406.2661): Algorithm 1, with the value
function of equation 1 for ``loss='minimax'`` and section 3's non-saturating generator by default.
"""

import dataclasses
from functools import cached_property

from jaxgan import adversarial
from jaxgan.base.method import Method


@dataclasses.dataclass(frozen=True)
class GAN:
    """A generator and a discriminator that learn in turn.

    Attributes:
      common: see ``adversarial.Common``.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat())

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play."""
        return adversarial.plain(self.common)

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)
