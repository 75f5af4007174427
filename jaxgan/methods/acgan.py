"""The GAN with an auxiliary classifier: D says which class, and both players are paid for it.

Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs" (arXiv:1610.09585),
equations 2 and 3: D maximizes L_S + L_C and G L_C - L_S, with L_S the log-likelihood of the source
(real or generated) and L_C that of the class, on real and on generated samples.
"""

import dataclasses
from functools import cached_property, partial

from jaxgan import adversarial
from jaxgan.adversarial import auxiliary
from jaxgan.base.method import Method


@dataclasses.dataclass(frozen=True)
class ACGAN:
    """A generator that is given labels, and a discriminator that guesses them.

    Generated samples take the labels of the real minibatch beside them, and so follow the data's
    distribution of labels. Of a pack D guesses each sample's class.

    Attributes:
      common: see ``adversarial.Common``; ``loss='minimax'`` is the paper's equation.
      num_classes: filled in from the dataset.
      classifier_weight: of L_C; 1 in the paper.
    """

    common: adversarial.Common = dataclasses.field(metadata=adversarial.flat())
    num_classes: int
    classifier_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if not self.classifier_weight > 0:
            raise ValueError("classifier_weight must be above 0: nothing else tells G the label")

    @cached_property
    def game(self) -> adversarial.Game:
        """How they play."""
        guesses = self.common.techniques.pack * self.num_classes
        return adversarial.Game(
            self.common,
            adversarial.generator(self.common, num_classes=self.num_classes),
            adversarial.discriminator(self.common, heads=((auxiliary.CLASSES, guesses),)),
            g_inputs=lambda z, conditions: (z, conditions["labels"]),
            d_terms=partial(auxiliary.d_terms, self.classifier_weight),
            g_terms=partial(auxiliary.g_terms, self.classifier_weight),
            **adversarial.by_label(self.num_classes),
        )

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)
