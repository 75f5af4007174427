"""Networks that know nothing of labels."""

import flax.linen as nn


class Generator(nn.Module):
    width: int = 1


class Discriminator(nn.Module):
    width: int = 1
