"""Layers for generators and discriminators, as Flax modules and pure functions."""

from jaxgan.nn.conv import Conv, ConvTranspose, conv, conv_kernel_gradient, conv_transpose
