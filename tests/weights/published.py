"""BigGAN-PyTorch, its deep variant and mimicry in PyTorch, written from their layouts of tensors.

A network is a function of ``Published``, which draws a tensor when it is first asked for, and so
knows afterwards what a file of that network holds.
"""

import itertools

import numpy as np
import torch
from torch.nn import functional


class Published:
    """Random tensors by published key, float32 where they are stored, float64 where used."""

    def __init__(self, seed=0):
        self.tensors, self.draws = {}, np.random.default_rng(seed)

    def __call__(self, key, *shape, around=0.0, spread=None):
        if key not in self.tensors:
            scale = max(np.prod(shape[1:]), 1) ** -0.5 if spread is None else spread
            drawn = around + scale * self.draws.normal(size=shape)
            self.tensors[key] = np.asarray(drawn, np.float32)
        return torch.tensor(self.tensors[key], dtype=torch.float64)


def unit(x):
    return x / x.norm()


def biggan_weight(P, at, *shape):
    """BigGAN's spectral norm: one iteration of v, then u, in evaluation too."""
    W, u = P(f"{at}.weight", *shape), P(f"{at}.u0", 1, shape[0])[0]
    P(f"{at}.sv0", 1)
    M = W.reshape(shape[0], -1)
    v = unit(u @ M)
    return W / (unit(M @ v) @ M @ v)


def hook_weight(P, at, *shape):
    """PyTorch's older hook, in evaluation."""
    W = P(f"{at}.weight_orig", *shape)
    M = W.reshape(shape[0], -1)
    # Not converged, but near enough that sigma is no accident.
    u0, v0 = torch.linalg.svd(M)[0][:, 0], torch.linalg.svd(M)[2][0]
    around = {"spread": 0.05}
    u = P(f"{at}.weight_u", shape[0], around=u0.numpy(), **around)
    return W / (u @ M @ P(f"{at}.weight_v", M.shape[1], around=v0.numpy(), **around))


def plain_weight(P, at, *shape):
    return P(f"{at}.weight", *shape)


def conv(P, x, at, out, k, weight=biggan_weight, bias=True):
    b = P(f"{at}.bias", out) if bias else None
    return functional.conv2d(x, weight(P, at, out, x.shape[1], k, k), b, padding=k // 2)


def dense(P, x, at, out, weight=biggan_weight, bias=True):
    y = x @ weight(P, at, out, x.shape[1]).T
    return y + P(f"{at}.bias", out) if bias else y


def normalized(P, x, at, kind):
    C = x.shape[1]
    mean, var = P(f"{at}.{kind}_mean", C), P(f"{at}.{kind}_var", C, around=2.0, spread=0.2)
    return functional.batch_norm(x, mean, var)


def of(values, x):
    return values.reshape(-1, x.shape[1], 1, 1)


def attend(P, x, at, weight=biggan_weight):
    B, C = x.shape[:2]
    pool = lambda y: functional.max_pool2d(y, 2).reshape(B, y.shape[1], -1)  # noqa: E731
    q = conv(P, x, f"{at}.theta", C // 8, 1, weight, bias=False).reshape(B, C // 8, -1)
    k = pool(conv(P, x, f"{at}.phi", C // 8, 1, weight, bias=False))
    v = pool(conv(P, x, f"{at}.g", C // 2, 1, weight, bias=False))
    weights = torch.softmax(q.transpose(1, 2) @ k, -1)
    o = (v @ weights.transpose(1, 2)).reshape(B, C // 2, *x.shape[2:])
    return x + P(f"{at}.gamma", around=0.7, spread=0.0) * conv(
        P, o, f"{at}.o", C, 1, weight, bias=False
    )


def conditional(P, x, condition, at):
    """BigGAN's: of vectors, or of labels by tables."""
    h, C = normalized(P, x, at, "stored"), x.shape[1]
    if condition.ndim == 2:
        gain, bias = (dense(P, condition, f"{at}.{n}", C, bias=False) for n in ("gain", "bias"))
    else:
        gain, bias = (P(f"{at}.{n}.weight", 5, C)[condition] for n in ("gain", "bias"))
    return functional.relu(h * (1 + of(gain, x)) + of(bias, x))


def last(P, x, channels=3):
    h = normalized(P, x, "output_layer.0", "stored")
    h = h * of(P("output_layer.0.gain", x.shape[1]), x) + of(
        P("output_layer.0.bias", x.shape[1]), x
    )
    return torch.tanh(conv(P, functional.relu(h), "output_layer.2", channels, 3))


def biggan_generator(P, z, y, widths, shared=0, hierarchical=False, attention=()):
    condition = P("shared.weight", 5, shared)[y] if shared else y
    conditions = [condition] * (len(widths) - 1)
    if hierarchical:
        z, *rest = z.chunk(len(widths), 1)
        conditions = [torch.cat([condition, part], 1) for part in rest]
    x = dense(P, z, "linear", 16 * widths[0]).reshape(len(z), -1, 4, 4)
    for i, (C, c) in enumerate(zip(widths[1:], conditions, strict=True)):
        at = f"blocks.{i}.0"
        h = functional.interpolate(conditional(P, x, c, f"{at}.bn1"), scale_factor=2)
        h = conv(P, h, f"{at}.conv1", C, 3)
        h = conv(P, conditional(P, h, c, f"{at}.bn2"), f"{at}.conv2", C, 3)
        x = h + conv(P, functional.interpolate(x, scale_factor=2), f"{at}.conv_sc", C, 1)
        if x.shape[2] in attention:
            x = attend(P, x, f"blocks.{i}.1")
    return last(P, x)


def biggan_discriminator(P, x, y, widths, halvings, wide=True, attention=()):
    for i, C in enumerate(widths):
        at, down = f"blocks.{i}.0", i < halvings
        pool = (lambda h: functional.avg_pool2d(h, 2)) if down else (lambda h: h)
        h = functional.relu(x) if i else x
        h = conv(P, h, f"{at}.conv1", C if wide else x.shape[1], 3)
        h = pool(conv(P, functional.relu(h), f"{at}.conv2", C, 3))
        if down or x.shape[1] != C:
            x = conv(P, x, f"{at}.conv_sc", C, 1)
        x = pool(x) + h
        if i in attention:
            x = attend(P, x, f"blocks.{i}.1")
    return judged(P, x, y)


def judged(P, x, y):
    h = functional.relu(x).sum((2, 3))
    table = biggan_weight(P, "embed", 5, h.shape[1])
    return dense(P, h, "linear", 1)[:, 0] + (table[y] * h).sum(1)


def deep_generator(P, z, y, widths, shared, attention=()):
    c = torch.cat([P("shared.weight", 5, shared)[y], z], 1)
    x = dense(P, c, "linear", 16 * widths[0]).reshape(len(z), -1, 4, 4)
    for i, (wide, narrow) in enumerate(itertools.pairwise(widths)):
        for j, C in enumerate((wide, narrow)):
            at, hidden = f"blocks.{2 * i + j}.0", wide // 4
            h = conv(P, conditional(P, x, c, f"{at}.bn1"), f"{at}.conv1", hidden, 1)
            h, x = conditional(P, h, c, f"{at}.bn2"), x[:, :C]
            if j:
                h, x = (functional.interpolate(a, scale_factor=2) for a in (h, x))
            h = conv(P, h, f"{at}.conv2", hidden, 3)
            h = conv(P, conditional(P, h, c, f"{at}.bn3"), f"{at}.conv3", hidden, 3)
            x = x + conv(P, conditional(P, h, c, f"{at}.bn4"), f"{at}.conv4", C, 1)
        if x.shape[2] in attention:
            x = attend(P, x, f"blocks.{2 * i + 1}.1")
    return last(P, x)


def deep_discriminator(P, x, y, widths, halvings, attention=()):
    x = conv(P, x, "input_conv", widths[0], 3)
    for i, C in enumerate(widths[1:]):
        for j in range(2):
            at, hidden = f"blocks.{i}.{j}", C // 4
            h = conv(P, functional.relu(x), f"{at}.conv1", hidden, 1)
            h = conv(P, functional.relu(h), f"{at}.conv2", hidden, 3)
            h = functional.relu(conv(P, functional.relu(h), f"{at}.conv3", hidden, 3))
            if j == 0 and i < halvings:
                h, x = (functional.avg_pool2d(a, 2) for a in (h, x))
            if x.shape[1] != C:
                x = torch.cat([x, conv(P, x, f"{at}.conv_sc", C - x.shape[1], 1)], 1)
            x = x + conv(P, h, f"{at}.conv4", C, 1)
        if i in attention:
            x = attend(P, x, f"blocks.{i}.2")
    return judged(P, x, y)


def mimicry_norm(P, x, y, at):
    C = x.shape[1]
    if y is None:
        h, scale = normalized(P, x, at, "running"), P(f"{at}.weight", C, around=1.0)
        bias = P(f"{at}.bias", C)
    else:
        h, at = normalized(P, x, f"{at}.bn", "running"), f"{at}.bn"
        table = P(f"{at[:-3]}.embed.weight", 5, 2 * C, around=0.5)[y]
        scale, bias = table.chunk(2, 1)
    P.tensors[f"{at}.num_batches_tracked"] = np.asarray(7)
    return functional.relu(h * of(scale, x) + of(bias, x))


def mimicry_generator(P, z, y, bottom, widths, weight=plain_weight, attention=0):
    x = dense(P, z, "l1", bottom**2 * widths[0], weight).reshape(len(z), -1, bottom, bottom)
    double = lambda h: functional.interpolate(  # noqa: E731
        h, scale_factor=2, mode="bilinear", align_corners=False
    )
    for i, C in enumerate(widths[1:], 2):
        h = double(mimicry_norm(P, x, y, f"block{i}.b1"))
        h = mimicry_norm(P, conv(P, h, f"block{i}.c1", C, 3, weight), y, f"block{i}.b2")
        x = conv(P, double(x), f"block{i}.c_sc", C, 1, weight) + conv(
            P, h, f"block{i}.c2", C, 3, weight
        )
        if x.shape[2] == attention:
            x = attend(P, x, "attn_block", weight)
    n = len(widths) + 1
    return torch.tanh(conv(P, mimicry_norm(P, x, None, f"b{n}"), f"c{n}", 3, 3, weight))


def mimicry_discriminator(P, x, y, widths, halvings, attention=0):
    for i, C in enumerate(widths, 1):
        at, down = f"block{i}", i <= halvings
        pool = (lambda h: functional.avg_pool2d(h, 2)) if down else (lambda h: h)
        # In place, so that also what is beside is rectified.
        x = functional.relu(x) if i > 1 else x
        h = conv(P, x, f"{at}.c1", x.shape[1] if i > 1 else C, 3, hook_weight)
        h = pool(conv(P, functional.relu(h), f"{at}.c2", C, 3, hook_weight))
        if down or x.shape[1] != C:
            x = conv(P, x, f"{at}.c_sc", C, 1, hook_weight)
        x = pool(x) + h
        if i == attention:
            x = attend(P, x, "attn_block", hook_weight)
    h = functional.relu(x).sum((2, 3))
    out = dense(P, h, f"l{len(widths) + 1}", 1, hook_weight)[:, 0]
    return out if y is None else out + (hook_weight(P, "l_y", 5, h.shape[1])[y] * h).sum(1)
