"""The auxiliary classifier: D's guess of the classes, for which both players are paid.

Odena et al. 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs" (arXiv:1610.09585),
equation 3: L_C is the log-likelihood of the class, on real and on generated samples.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial.game import Terms, head
from jaxgan.networks import Critique

PyTree = Any
CLASSES = "classes"


def classification(critique: Critique, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The cross-entropy of D's guess of the classes [B], and the share that it has right."""
    logits = head(critique, CLASSES).reshape(len(labels), -1)
    right = jnp.mean(jnp.argmax(logits, axis=-1).astype(labels.dtype) == labels, dtype=jnp.float32)
    return losses.auxiliary_classifier(logits, labels), right


def d_terms(
    weight: float, real: Critique, fake: Critique, of_real: PyTree, of_fake: PyTree
) -> Terms:
    """``weight`` times -L_C, on real and on generated samples."""
    on_real, real_accuracy = classification(real, of_real["labels"])
    on_fake, _ = classification(fake, of_fake["labels"])
    metrics = {"d/classifier_loss": on_real + on_fake, "d/class_accuracy": real_accuracy}
    return weight * (on_real + on_fake), metrics


def g_terms(weight: float, fake: Critique, conditions: PyTree) -> Terms:
    """``weight`` times -L_C, on generated samples."""
    loss, accuracy = classification(fake, conditions["labels"])
    return weight * loss, {"g/classifier_loss": loss, "g/class_accuracy": accuracy}
