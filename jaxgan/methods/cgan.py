"""The class-conditional GAN: both players are told the label.

Mirza and Osindero 2014, "Conditional Generative Adversarial Nets" (arXiv:1411.1784), equation 2.
How they are told is the networks' field ``conditioning``: the one-hot label beside their inputs as
in the paper, a label's vector times their inputs, or conditional batch norm and a projection
(Miyato and Koyama 2018, "cGANs with Projection Discriminator", arXiv:1802.05637, equation 3).
"""

import dataclasses
from functools import cached_property

from jaxgan import adversarial
from jaxgan.base.method import Method


@dataclasses.dataclass(frozen=True)
class CGAN:
    """A generator and a discriminator that are both given labels.

    Generated samples take the labels of the real minibatch beside them, and so follow the data's
    distribution of labels.

    Attributes:
      common: see ``adversarial.Common``.
      num_classes: filled in from the dataset.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat())
    num_classes: int

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play."""
        return adversarial.Game(
            self.common,
            adversarial.generator(self.common, num_classes=self.num_classes),
            adversarial.discriminator(self.common, num_classes=self.num_classes),
            g_inputs=lambda z, conditions: (z, conditions["labels"]),
            d_inputs=lambda conditions: (conditions["labels"],),
            judged_by=self.num_classes,
            **adversarial.by_label(self.num_classes),
        )

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)
