"""Each public function and layer with small arguments, for what must hold of all of them."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from jaxgan import augment, losses, nn, regularizers
from jaxgan.adversarial import buffers, vitals
from jaxgan.base import draws
from jaxgan.evaluation.metrics import diversity
from jaxgan.evaluation.metrics.sliced_wasserstein import sliced_wasserstein
from jaxgan.extractors import resize
from jaxgan.losses import reconstruction
from jaxgan.networks import (
    biggan,
    biggan_deep,
    dcgan,
    mimicry,
    mlp,
    noisy_mlp,
    pair_dcgan,
    pair_mlp,
    resnet,
    sncnn,
)

B = 4
# As a number comes out of NumPy: a float of 64 bits with a type of its own.
HALF = np.float64(0.5)


def floats(dtype, *shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)


def labels(*shape):
    return jnp.zeros(shape or (B,), jnp.int32)


def key():
    return jax.random.key(0)


def _loss_cases(dtype):
    x, y = floats(dtype, B, 6), floats(dtype, B, 6) / 2
    image, other = floats(dtype, B, 8, 8, 3), floats(dtype, B, 8, 8, 3) / 2
    for name in losses.NAMES:
        pair, pixels = losses.adversarial(name), floats(dtype, B, 3, 3, 1)
        yield f"{name}.discriminator", pair.discriminator, (pixels, pixels)
        yield f"{name}.generator", pair.generator, (pixels, pixels)
        if pair.labelled:
            soft = floats("float32", 1) / 9

            def smoothed(real, fake, label, loss=pair.discriminator):
                return loss(real, fake, real_label=label, fake_label=0.1)

            yield f"{name} of labels", smoothed, (pixels, pixels, soft)
            yield f"{name} of numbers", smoothed, (pixels, pixels, 0.9)
    tree = {"a": image, "b": x}
    yield "feature_matching", losses.feature_matching, (tree, tree)
    yield "paired_feature_matching", losses.paired_feature_matching, (tree, tree)
    tokens = floats(dtype, B, 5, 3)
    yield "representation_alignment", losses.representation_alignment, (tokens, tokens)
    yield "semi_supervised_labelled", losses.semi_supervised_labelled, (x, labels())
    yield "semi_supervised_unlabelled", losses.semi_supervised_unlabelled, (x,)
    yield "semi_supervised_generated", losses.semi_supervised_generated, (x,)
    yield "auxiliary_classifier", losses.auxiliary_classifier, (x, labels())
    yield "mutual_information_categorical", losses.mutual_information_categorical, (x, labels())
    for variance in (0.0, x, floats(dtype, 6)):
        yield "mutual_information_gaussian", losses.mutual_information_gaussian, (x, y, variance)
        yield "gaussian_log_likelihood", losses.gaussian_log_likelihood, (x, y, variance)
    yield "bernoulli_log_likelihood", losses.bernoulli_log_likelihood, (x, y)
    yield "kl_standard_normal", losses.kl_standard_normal, (x, y)
    for samples in ((B,), (3, B)):
        terms = floats(dtype, *samples), floats(dtype, B)
        yield "elbo", lambda x, kl: losses.elbo(x, kl, beta=HALF), terms
    yield "importance_weighted_bound", losses.importance_weighted_bound, (x,)
    for name in ("l1", "l2", "cycle", "identity"):
        yield name, getattr(reconstruction, name), (image, other)

    def layers(x):
        return [x, x[:, ::2, ::2]]

    yield (
        "perceptual",
        lambda a, b: losses.perceptual(layers, a, b, weights=np.ones(2)),
        (image,) * 2,
    )
    yield "lpips", lambda a, b: losses.lpips(layers, a, b), (image, other)
    for loss in (losses.content, losses.style):
        yield loss.__name__, lambda a, b, f=loss: f([a], [b], weights=[HALF]), (image, other)
    yield "gram", losses.gram, (image,)
    yield "total_variation", losses.total_variation, (image,)
    # As published weights are read.
    weights = [np.ones(3)] * 2
    yield "lpips", lambda a, b: losses.lpips(layers, a, b, channel_weights=weights), (image, other)


def _penalty_cases(dtype):
    x, y, logits = floats(dtype, B, 8, 8, 3), floats(dtype, B, 8, 8, 3) / 2, floats(dtype, B)
    params = {
        "w": floats(dtype, 8 * 8 * 3, 5),
        "k": floats(dtype, 3, 3, 2, 5),
        "b": floats(dtype, 5),
    }
    r = regularizers

    def with_critic(penalty):
        def call(w, *args):
            # Computed in the dtype of the weights, as under mixed precision.
            return penalty(lambda x: jnp.tanh(x.reshape(B, -1).astype(w.dtype) @ w), *args)

        return call

    w = params["w"]
    for sided, target in ((False, 1.0), (True, HALF), (False, 0.0)):

        def gradient_penalty(critic, *args, sided=sided, target=target):
            return r.gradient_penalty(critic, *args, target=target, one_sided=sided)

        yield "gradient_penalty", with_critic(gradient_penalty), (w, x, y, key())
    yield "dragan", with_critic(r.dragan), (w, x, key())
    yield "dragan", with_critic(partial(r.dragan, scale=HALF, target=HALF)), (w, x, key())
    yield "r1", with_critic(r.r1), (w, x)
    yield "r2", with_critic(r.r2), (w, x)
    yield "approximate_r1", with_critic(partial(r.approximate_r1, sigma=HALF)), (w, x, key())
    yield "gradient_norms", with_critic(r.gradient_norms), (w, x)
    yield "global_norm", r.global_norm, (params,)
    yield "lecam_init", r.lecam_init, ()
    yield "lecam_update", partial(r.lecam_update, decay=HALF), (r.lecam_init(), logits, logits)
    yield "lecam", r.lecam, (logits, logits, r.lecam_init())
    yield "consistency", r.consistency, (logits, logits)
    yield "balanced_consistency", r.balanced_consistency, (logits,) * 4
    yield "latent_consistency_discriminator", r.latent_consistency_discriminator, (logits,) * 2
    yield "latent_consistency_generator", r.latent_consistency_generator, (x, y)
    yield "perturb_latents", partial(r.perturb_latents, sigma=HALF), (key(), floats(dtype, B, 7))

    def generate(z):
        return jnp.tanh(z.reshape(B, -1)[:, :7] @ jnp.ones((7, 12), z.dtype)).reshape(B, 2, 2, 3)

    yield "path_length_init", r.path_length_init, ()
    for z in (floats(dtype, B, 7), floats(dtype, B, 3, 7)):
        yield "path_lengths", lambda z, k: r.path_lengths(generate, z, k), (z, key())
        mean = r.path_length_init()
        yield (
            "path_length",
            lambda z, k, m: r.path_length(generate, z, k, m, decay=HALF),
            (z, key(), mean),
        )
    yield "weight_clip", partial(r.weight_clip, limit=HALF), (params,)
    for diagonal in (False, True):
        yield "orthogonal", lambda p, d=diagonal: r.orthogonal(p, diagonal=d), (params,)
    yield "spectral_init", r.spectral_init, (key(), params)
    yield "spectral", r.spectral, (params, r.spectral_init(key(), params))
    history = r.historical_average_init(params)
    yield "historical_average_init", r.historical_average_init, (params,)
    yield "historical_average_update", r.historical_average_update, (history, params)
    yield "historical_average", r.historical_average, (params, history)


def _augmentation_cases(dtype):
    x = floats(dtype, B, 8, 8, 3)
    for channels in (1, 3):
        image = x[..., :channels]
        for name in augment.TRANSFORMS:

            def ada(k, x, p, name=name):
                return augment.ada(k, x, p, transforms=(name,))

            yield f"ada {name}", ada, (key(), image, jnp.float32(0.5))
        yield "diff_augment", augment.diff_augment, (key(), image)
        yield "latent_augment", augment.latent_augment, (key(), image)
        yield "move", augment.move, (augment.draw_moves(key(), image), image)
        yield "draw_moves", augment.draw_moves, (key(), image)
        yield "follow", augment.follow, (augment.draw_moves(key(), image), image)
    levels = augment.noise_levels(3)
    yield "noise_levels", lambda: jnp.asarray(augment.noise_levels(3), jnp.float32), ()
    yield "noised", partial(augment.noised, levels=levels), (x, x)
    yield "ada", lambda k, x: augment.ada(k, x, 0.5), (key(), x)
    yield "ada_init", augment.ada_init, ()
    numbers = dict.fromkeys(("target", "images_to_full", "maximum"), HALF)
    yield (
        "ada_update",
        partial(augment.ada_update, **numbers),
        (
            augment.ada_init(),
            floats(dtype, B),
        ),
    )
    yield (
        "ada_advance",
        partial(augment.ada_advance, images=B, **numbers),
        (augment.ada_init(), floats("float32")),
    )
    yield "anneal", partial(augment.anneal, initial=HALF, steps=9), (jnp.int32(3),)
    for name in ("color", "translation", "cutout", "horizontal_flip"):
        yield name, getattr(augment, name), (key(), x)
    yield "instance_noise", partial(augment.instance_noise, sigma=HALF), (key(), x)
    yield "horizontal_flip", partial(augment.horizontal_flip, probability=HALF), (key(), x)
    yield "sample_keys", lambda k: augment.sample_keys(k, B), (key(),)


def _other_cases(dtype):
    x, y = floats(dtype, B, 8, 8, 3), floats(dtype, B, 8, 8, 3) / 2
    keys = draws.sample_keys(key(), B)
    yield "draws.normal", lambda k: draws.normal(k, (5,)), (keys,)
    yield "draws.truncated_normal", lambda k: draws.truncated_normal(k, (5,), HALF), (keys,)
    yield "draws.fold", lambda k: draws.fold(k, 1), (keys,)
    yield "vitals.diversity", vitals.diversity, (x, y)
    yield "vitals.accuracies", lambda a, b: vitals.accuracies(losses.hinge, a, b), (x, y)
    buffer = buffers.replay_init(6, x[0])
    yield "image_pool_query", buffers.image_pool_query, (key(), buffer, x)
    yield "replay_insert", buffers.replay_insert, (buffer, x)
    yield "replay_sample", lambda k, b: buffers.replay_sample(k, b, 3), (key(), buffer)
    yield "replay_query", partial(buffers.replay_query, probability=HALF), (key(), buffer, x)
    yield "total_variance", diversity.total_variance, (x,)
    yield "sliced_wasserstein", sliced_wasserstein, (x, y, key())
    for name, rule in resize.RULES.items():
        yield f"resize {name}", lambda x, rule=rule: rule(x, 11), (x,)


def _layer_functions(dtype):
    x, w, style = floats(dtype, B, 8, 8, 6), floats(dtype, 3, 3, 6, 5), floats(dtype, B, 6)
    for kind in ("canonical", "stock"):
        yield "conv", lambda x, w, kind=kind: nn.conv(x, w, 2, implementation=kind), (x, w)
        yield (
            "conv_transpose",
            lambda x, w, kind=kind: nn.conv_transpose(x, w, 2, implementation=kind),
            (x, w.swapaxes(2, 3)),
        )
    yield "grouped_conv", nn.grouped_conv, (x, floats(dtype, 3, 3, 3, 4))
    yield "conv_kernel_gradient", lambda x, g: nn.conv_kernel_gradient(x, g, 3), (x, x)
    yield "fade_in", nn.fade_in, (x, x, jnp.float32(0.3))
    yield "minibatch_stddev", nn.minibatch_stddev, (x,)
    for resample in nn.modulated.RESAMPLE:
        yield (
            "modulated_conv",
            lambda x, w, s, r=resample: nn.modulated_conv(x, w, s, resample=r),
            (x, w, style),
        )
        yield "resampled_conv", lambda x, w, r=resample: nn.resampled_conv(x, w, r), (x, w)
    yield "sample_noise", lambda k: nn.sample_noise(k, 4, 5), (draws.sample_keys(key(), B),)
    yield "adain", nn.adain, (x, x)
    for name in ("instance_norm", "pixel_norm", "blur", "upsample", "downsample"):
        yield name, getattr(nn, name), (x,)
    for name in ("downsample_mean", "upsample_bilinear", "upsample_nearest"):
        yield name, getattr(nn, name), (x,)
    yield "pixel_shuffle", lambda x: nn.pixel_shuffle(x[..., :4]), (x,)
    yield "upfirdn", lambda x: nn.upfirdn(x, (1, 2, 1), up=2, down=3), (x,)
    yield "sigmas", lambda s: nn.sigmas({"spectral": {"sigma": s}}), (jnp.float32(1),)


def _layers(dtype):
    """Modules, and what they are called with."""
    x, flat, style = floats(dtype, B, 8, 8, 8), floats(dtype, B, 6), floats(dtype, B, 5)
    for weight in (nn.plain, nn.SpectralNorm(), nn.EqualizedLR(lr_multiplier=0.01)):
        yield nn.Dense(7, weight=weight), (flat,), {}
        yield nn.Conv(7, weight=weight), (x,), {}
        yield nn.ConvTranspose(7, weight=weight), (x,), {}
        yield nn.Embed(9, 5, weight=weight), (labels(),), {}
        yield nn.SelfAttention(weight=weight), (x,), {}
        yield nn.ProjectionHead(9, weight=weight), (flat, labels()), {}
        yield nn.ProjectionHead(9, weight=weight), (flat, labels(B, 3)), {}
        yield nn.ConditionalBatchNorm(9, weight=weight), (x, labels()), {"train": True}
        yield nn.ConditionalInstanceNorm(9, weight=weight), (x, labels()), {}
    yield nn.GroupedConv(6, 2), (x,), {}
    yield nn.ModulatedConv(7), (x, style), {}
    yield nn.ModulatedConv(7, resample="up", demodulate=False), (x, style), {}
    for train in (True, False):
        yield nn.ConditionalBatchNorm(), (x, style), {"train": train}
        yield nn.SelfModulation(), (x, style), {"train": train}
    yield nn.ConditionalInstanceNorm(use_bias=True), (x, style), {}
    yield nn.MinibatchDiscrimination(5, 3), (flat,), {}
    yield nn.MinibatchStddev(), (x,), {}
    yield nn.NoiseInjection(), (x, x[..., :1]), {}
    yield nn.NoiseInjection(per_channel=True), (x, x[:1, ..., :1]), {}
    yield nn.PReLU(), (x,), {}
    yield nn.LayerNorm(), (x,), {}
    yield nn.LayerNorm(), (flat,), {}
    yield nn.VirtualBatchNorm(), (x, x[:2]), {}
    yield nn.VirtualBatchNorm(), (flat, flat[:2]), {}


def _networks(dtype):
    """Networks in all their forms, and what they are called with."""
    shape = (8, 8, 3)
    x, z = floats(dtype, B, *shape), floats(dtype, B, 6)
    for train in (True, False):
        given = {"train": train}
        for kind in ("concat", "embedding", "projection"):
            told = {"conditioning": kind, "num_classes": 9}
            heads = {**told, "heads": (("classes", 9),)}
            yield dcgan.Generator(shape, width=4, **told), (z, labels()), given
            yield dcgan.Discriminator(width=4, **heads), (x, labels()), given
            yield mlp.Generator(shape, (7, 5), True, **told), (z, labels()), given
            yield mlp.Discriminator((7, 5), **heads), (x, labels()), given
            yield mlp.Discriminator((7, 5), **heads), (x[:2], labels(2, 3)), given
            yield resnet.Generator(shape, width=4, **told), (z, labels()), given
            yield resnet.Discriminator(width=4, **heads), (x, labels()), given
            yield sncnn.Generator(shape, width=4, **told), (z, labels()), given
            yield sncnn.Discriminator(width=4, **heads), (x, labels()), given
        for norm in ("batch", "instance", "layer", "virtual", "none"):
            many = {"normalization": norm, "reference": 3, "weight": "equalized"}
            yield dcgan.Generator(shape, width=4, **many), (z,), given
            if norm != "virtual":
                few = {"normalization": norm, "weight": "spectral", "minibatch_stddev": 2}
                yield dcgan.Discriminator(width=4, **few), (x,), given
        told = {"num_classes": 9, "width": 2, "attention": 4}
        cut = {"shared": 5, "hierarchical": True, "initialization": "normal"}
        for family in (biggan, biggan_deep, mimicry):
            attention = {"attention": 8}
            yield family.Generator(shape, width=8, **attention), (z,), given
            yield family.Generator(shape, **{**told, **attention}), (z, labels()), given
            yield family.Discriminator(width=2), (x,), given
            yield family.Discriminator(**told), (x, labels()), given
        yield biggan.Generator(shape, num_classes=9, width=2, **cut), (z, labels()), given
        more = {"maxout": 2, "batch_norm": True, "minibatch_discrimination": 3}
        yield mlp.Discriminator((7, 5), **more), (x,), given
        for weight in ("plain", "spectral"):
            yield pair_mlp.Discriminator((7, 5), 0.2, True, weight), (x, z), given
            yield pair_dcgan.Discriminator(width=4, features=5, weight=weight), (x, z), given
        yield noisy_mlp.Generator(shape, (7, 5)), (z,), given
        noisy = noisy_mlp.Discriminator((7, 5), heads=(("classes", 9),))
        yield noisy, (x, floats(dtype, B, noisy.noise_size(shape))), given


def initialized(modules):
    """Of each module its `init`, and its `apply` to what `init` makes."""
    for module, args, given in modules:

        def both(k, *args, module=module, given=given):
            variables = module.init(k, *args, **given)
            return variables, module.apply(
                variables, *args, **given, mutable=[c for c in variables if c != "params"]
            )

        yield f"{type(module).__module__}.{type(module).__name__}", both, (key(), *args)


GROUPS = {
    "losses": _loss_cases,
    "penalties": _penalty_cases,
    "augmentations": _augmentation_cases,
    "others": _other_cases,
    "layer functions": _layer_functions,
    "layers": lambda dtype: initialized(_layers(dtype)),
    "networks": lambda dtype: initialized(_networks(dtype)),
}


def names(module):
    """What a library module offers: its functions and layers."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or _is_layer(value))
        and value.__module__.startswith("jaxgan")
    }


def _is_layer(value):
    return isinstance(value, type) and issubclass(value, linen.Module)
