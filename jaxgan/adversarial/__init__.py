"""What two-player variants share: the fields, the game, the losses, the step, the techniques."""

from jaxgan.adversarial.game import (
    Common,
    Game,
    Samples,
    Terms,
    by_label,
    discriminator,
    flat,
    generator,
    head,
    plain,
)
from jaxgan.adversarial.method import method
