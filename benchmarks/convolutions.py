"""Time canonical against stock convolutions: python benchmarks/convolutions.py [--repeats=10].

Prints four tables, each the least time of interleaved repeats, so that a busy machine slows both
sides of a ratio alike. Stock inside a scan takes a minute and so is timed once.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array, lax

from jaxgan.nn.conv import Conv, conv, conv_transpose

Thunk = Callable[[], Any]


class Critic(nn.Module):
    """DCGAN's discriminator for 32x32 images without normalization, as WGAN-GP has it."""

    width: int = 64
    implementation: str = "canonical"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Logits [B] of images [B, 32, 32, 3]."""
        for i in range(3):
            x = Conv(self.width << i, 4, 2, implementation=self.implementation)(x)
            x = nn.leaky_relu(x, 0.2)
        return nn.Dense(1)(x.reshape(x.shape[0], -1))[:, 0]


def least_times(thunks: dict[str, Thunk], repeats: int) -> dict[str, float]:
    """Least seconds of each over interleaved repeats, after one call that compiles."""
    for thunk in thunks.values():
        jax.block_until_ready(thunk())
    best = dict.fromkeys(thunks, float("inf"))
    for _ in range(repeats):
        for name, thunk in thunks.items():
            start = time.perf_counter()
            jax.block_until_ready(thunk())
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def transposed_against_strided(implementation: str, repeats: int) -> dict[str, float]:
    """Forward and backward of 4x4 stride-2 convolutions, 16x16x64 to 8x8x128 and back."""
    x_key, g_key, w_key = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(x_key, (64, 16, 16, 64))
    g = jax.random.normal(g_key, (64, 8, 8, 128))
    w = jax.random.normal(w_key, (4, 4, 64, 128)) * 0.03

    def both(operator: Callable[..., Array]) -> Callable[..., Any]:
        def loss(a: Array, w: Array) -> Array:
            return jnp.sum(operator(a, w, 2, implementation=implementation) ** 2)

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    strided, transposed = both(conv), both(conv_transpose)
    return least_times(
        {"strided": lambda: strided(x, w), "transposed": lambda: transposed(g, w)}, repeats
    )


def critic_step(implementation: str, penalty: float) -> tuple[Callable[..., Any], Any]:
    """A step of gradient descent on the Wasserstein loss, and parameters to start from."""
    critic: Any = Critic(implementation=implementation)
    keys = jax.random.split(jax.random.key(1), 3)
    real = jax.random.normal(keys[0], (64, 32, 32, 3))
    fake = jax.random.normal(keys[1], (64, 32, 32, 3))

    def loss(params: Any) -> Array:
        logits = critic.apply(params, jnp.concatenate([real, fake]))
        value = logits[64:].mean() - logits[:64].mean()
        if penalty:
            slopes = jax.grad(lambda x: critic.apply(params, x).sum())((real + fake) / 2)
            norms = jnp.sqrt(jnp.sum(slopes**2, axis=(1, 2, 3)) + 1e-12)
            value += penalty * jnp.mean((norms - 1) ** 2)
        return value

    def step(params: Any) -> Any:
        return jax.tree.map(lambda p, g: p - 1e-4 * g, params, jax.grad(loss)(params))

    return step, critic.init(keys[2], real)


def penalized_against_plain(implementation: str, repeats: int) -> dict[str, float]:
    """A critic's step without and with the gradient penalty, batch 64 of each kind."""
    plain, params = critic_step(implementation, 0.0)
    penalized, _ = critic_step(implementation, 10.0)
    plain, penalized = jax.jit(plain), jax.jit(penalized)
    return least_times(
        {"plain": lambda: plain(params), "penalized": lambda: penalized(params)}, repeats
    )


def scanned_against_dispatched(implementation: str, repeats: int) -> dict[str, float]:
    """Four penalized critic steps dispatched one by one, and in one scan."""
    step, start = critic_step(implementation, 10.0)
    one = jax.jit(step)
    scan = jax.jit(lambda params: lax.scan(lambda p, _: (step(p), None), params, None, 4)[0])

    def dispatched() -> Any:
        params = start
        for _ in range(4):
            params = one(params)
        return params

    return least_times({"dispatched": dispatched, "scanned": lambda: scan(start)}, repeats)


def mapped_against_repeated(implementation: str, repeats: int) -> dict[str, float]:
    """Four seeds' penalized critic steps one by one, and in one program under vmap."""
    step, start = critic_step(implementation, 10.0)
    one, mapped = jax.jit(step), jax.jit(jax.vmap(step))
    seeds = jax.tree.map(lambda p: jnp.stack([p] * 4), start)
    return least_times(
        {"repeated": lambda: [one(start) for _ in range(4)], "mapped": lambda: mapped(seeds)},
        repeats,
    )


def main() -> None:
    """Print each comparison with its ratio and the ratio aimed at."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    print(f"jax {jax.__version__} on {jax.default_backend()}, {os.cpu_count()} cores")
    comparisons = (
        (transposed_against_strided, 1.3),
        (penalized_against_plain, 2.0),
        (scanned_against_dispatched, 1.05),
        (mapped_against_repeated, 1.1),
    )
    for compare, target in comparisons:
        print(f"\n{compare.__doc__}")
        for implementation in ("canonical", "stock"):
            slow = implementation == "stock" and compare is scanned_against_dispatched
            times = compare(implementation, 1 if slow else repeats)
            (a, first), (b, second) = times.items()
            print(
                f"  {implementation:9}  {a} {first * 1e3:8.1f} ms  {b} {second * 1e3:8.1f} ms  "
                f"ratio {second / first:6.2f}  (aim: at most {target})",
                flush=True,
            )


if __name__ == "__main__":
    main()
