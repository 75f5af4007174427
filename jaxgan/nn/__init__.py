"""Layers for generators and discriminators, as Flax modules and pure functions.

Each layer with a kernel takes ``weight``: `plain`, `SpectralNorm(...)` or `EqualizedLR(...)`.
"""

from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.conditional import ConditionalBatchNorm, ConditionalInstanceNorm, SelfModulation
from jaxgan.nn.conv import Conv, ConvTranspose, conv, conv_kernel_gradient, conv_transpose
from jaxgan.nn.equalized import EqualizedLR
from jaxgan.nn.fade import fade_in
from jaxgan.nn.grouped import GroupedConv, grouped_conv
from jaxgan.nn.linear import Dense, Embed
from jaxgan.nn.minibatch import MinibatchDiscrimination, MinibatchStddev, minibatch_stddev
from jaxgan.nn.modulated import ModulatedConv, modulated_conv, resampled_conv
from jaxgan.nn.noise import NoiseInjection, sample_noise
from jaxgan.nn.normalization import LayerNorm, VirtualBatchNorm, adain, instance_norm, pixel_norm
from jaxgan.nn.prelu import PReLU
from jaxgan.nn.projection import ProjectionHead
from jaxgan.nn.resample import (
    blur,
    downsample,
    downsample_mean,
    pixel_shuffle,
    upfirdn,
    upsample,
    upsample_bilinear,
    upsample_nearest,
)
from jaxgan.nn.spectral import SpectralNorm, sigmas
from jaxgan.nn.weights import Weight, plain
