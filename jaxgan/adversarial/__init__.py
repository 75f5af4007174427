"""What two-player variants share: the fields, the game, the losses, the step, the techniques."""

from jaxgan.adversarial.game import (
    Common,
    Game,
    Samples,
    Terms,
    discriminator,
    generator,
    head,
    plain,
)
from jaxgan.adversarial.labels import by_label, count_classes, told
from jaxgan.adversarial.method import method
from jaxgan.base.method import flat
