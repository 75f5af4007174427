"""The GAN with an auxiliary classifier: D says which class, and both players are paid for it.

Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs" (arXiv:1610.09585),
equations 2 and 3: D maximizes L_S + L_C and G L_C - L_S, with L_S the log-likelihood of the source
(real or generated) and L_C that of the class, on real and on generated samples.
"""

import dataclasses
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import adversarial, losses
from jaxgan.base.method import Method
from jaxgan.networks import Critique

PyTree = Any
CLASSES = "classes"


def classification(critique: Critique, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The cross-entropy of D's guess of the classes [B], and the share that it has right."""
    logits = adversarial.head(critique, CLASSES).reshape(len(labels), -1)
    right = jnp.mean(jnp.argmax(logits, axis=-1).astype(labels.dtype) == labels, dtype=jnp.float32)
    return losses.auxiliary_classifier(logits, labels), right


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
            adversarial.discriminator(self.common, heads=((CLASSES, guesses),)),
            g_inputs=lambda z, conditions: (z, conditions["labels"]),
            d_terms=self.d_terms,
            g_terms=self.g_terms,
            **adversarial.by_label(self.num_classes),
        )

    def build(self) -> Method:
        """The method."""
        return adversarial.method(self.game)

    def d_terms(
        self, real: Critique, fake: Critique, of_real: PyTree, of_fake: PyTree
    ) -> adversarial.Terms:
        """-L_C, on real and on generated samples."""
        on_real, real_accuracy = classification(real, of_real["labels"])
        on_fake, _ = classification(fake, of_fake["labels"])
        metrics = {"d/classifier_loss": on_real + on_fake, "d/class_accuracy": real_accuracy}
        return self.classifier_weight * (on_real + on_fake), metrics

    def g_terms(self, fake: Critique, conditions: PyTree) -> adversarial.Terms:
        """-L_C, on generated samples."""
        loss, accuracy = classification(fake, conditions["labels"])
        metrics = {"g/classifier_loss": loss, "g/class_accuracy": accuracy}
        return self.classifier_weight * loss, metrics
