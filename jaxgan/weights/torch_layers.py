"""PyTorch's layers as ours: kernels, tables, batch norms, and the three forms of spectral norm."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.weights.fitting import Tensors

PyTree = Any


class Layers:
    """Published tensors, and the variables of a network of ours that they become.

    A path is that of a layer of ours (``'UpBlock_0/Conv_0'``), ``at`` the published one. Each
    method raises a ValueError that names the first key that is missing or of another shape.

    Attributes:
      found: those that are not taken yet.
      spectral: whether kernels are spectrally normalized.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], *, training: bool = False):
        self.found = Tensors(tensors)
        self.spectral = any(k.endswith((".u0", ".weight_u", ".sn_u")) for k in tensors)
        self._training = training
        self._made: dict[tuple[str, ...], np.ndarray] = {}

    def take(self, key: str, *shape: int) -> np.ndarray:
        """The tensor of that name, float32 [*shape]."""
        value = self.found.take(key)
        if value.shape != shape:
            raise ValueError(f"{key!r} is {list(value.shape)}, and {list(shape)} is due here")
        return value

    def put(self, collection: str, path: str, **values: np.ndarray) -> None:
        """Variables of the layer at ``path``; of the network itself at ''."""
        for name, value in values.items():
            self._made[(collection, *filter(None, path.split("/")), name)] = value

    def variables(self) -> dict[str, PyTree]:
        """All that was made, by collection.

        Raises:
          ValueError: naming the first tensor that was of no use.
        """
        self.found.check_empty()
        tree: dict[str, PyTree] = {}
        for path, value in self._made.items():
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
            node[path[-1]] = np.asarray(value, np.float32, order="C")
        return tree

    def kernel(
        self,
        path: str,
        at: str,
        *shape: int,
        bias: bool = True,
        outputs: np.ndarray | None = None,
        inputs: np.ndarray | None = None,
    ) -> None:
        """A dense layer [out, in], or a convolution [out, in, kh, kw].

        Args:
          path: ours.
          at: theirs.
          *shape: of the published weight.
          bias: whether it has one.
          outputs: the published outputs in our order.
          inputs: the published inputs of a dense layer in our order.
        """
        weight, u, v = self._weight(at, self.spectral, *shape)
        if outputs is not None:
            weight, u = weight[outputs], u[outputs]
        if inputs is not None:
            weight, v = weight[:, inputs], v[inputs]
        sigma = u @ weight.reshape(shape[0], -1) @ v
        if len(shape) == 4:
            v = v.reshape(shape[1:]).transpose(1, 2, 0).reshape(-1)
            self.put("params", path, kernel=weight.transpose(2, 3, 1, 0))
        else:
            self.put("params", path, kernel=weight.T)
        if bias:
            value = self.take(f"{at}.bias", shape[0])
            self.put("params", path, bias=value if outputs is None else value[outputs])
        if self.spectral:
            self.put("spectral", path, u=u, v=v, sigma=sigma)

    def table(self, path: str, at: str, *shape: int, spectral: bool) -> None:
        """An embedding [rows, features]; the u of PyTorch's spectral norm belongs to its rows."""
        weight, u, v = self._weight(at, spectral, *shape)
        self.put("params", path, embedding=weight)
        if spectral:
            self.put("spectral", path, u=v, v=u, sigma=u @ weight @ v)

    def attention(self, path: str, at: str, channels: int, names: Mapping[str, str]) -> None:
        """Self-attention; ``names`` of the four convolutions query, key, value, output."""
        query, value = channels // 8, channels // 2
        for name, *shape in (
            ("query", query, channels),
            ("key", query, channels),
            ("value", value, channels),
            ("output", channels, value),
        ):
            self.kernel(f"{path}/{name}", f"{at}.{names[name]}", *shape, 1, 1, bias=False)
        self.put("params", path, gamma=self.found.take(f"{at}.gamma").reshape(()))

    def statistics(self, path: str, at: str, channels: int) -> None:
        """The running mean and variance of a batch norm, as PyTorch or BigGAN-PyTorch has it."""
        inner = f"{at}.bn" if any(k.startswith(f"{at}.bn.") for k in self.found.left) else at
        kind = "stored" if f"{inner}.stored_mean" in self.found.left else "running"
        mean, var = (self.take(f"{inner}.{kind}_{name}", channels) for name in ("mean", "var"))
        self.found.left.pop(f"{inner}.num_batches_tracked", None)
        if f"{inner}.accumulation_counter" in self.found.left:
            # Standing statistics are sums over so many batches.
            batches = max(float(self.take(f"{inner}.accumulation_counter", 1)[0]), 1.0)
            mean, var = mean / batches, var / batches
        self.put("batch_stats", path, mean=mean, var=var)

    def _weight(self, at: str, spectral: bool, *shape: int) -> tuple[np.ndarray, ...]:
        """A weight, and as its matrix [out, in] has them u [out] and v [in]; zeros without."""
        out, into = shape[0], int(np.prod(shape[1:]))
        if not spectral:
            return self.take(f"{at}.weight", *shape), np.zeros(out), np.zeros(into)
        if f"{at}.weight_orig" in self.found.left:
            weight = self.take(f"{at}.weight_orig", *shape)
            return weight, self.take(f"{at}.weight_u", out), self.take(f"{at}.weight_v", into)
        weight = self.take(f"{at}.weight", *shape)
        own = f"{at}.u0" in self.found.left
        u = self.take(f"{at}.u0" if own else f"{at}.sn_u", 1, out)[0]
        # What sigma was in the last step of training is of no use.
        self.take(f"{at}.sv0" if own else f"{at}.sn_sigma", 1)
        # These two iterate whenever they are called, and keep the result in training alone.
        matrix = weight.reshape(out, into)
        v = _unit(u @ matrix)
        return weight, u if self._training else _unit(matrix @ v), v


def channels_last(channels: int, side: int) -> np.ndarray:
    """Where in a dense layer's outputs (C, H, W) those of ours (H, W, C) are."""
    places = np.arange(channels * side * side).reshape(channels, side, side)
    return places.transpose(1, 2, 0).reshape(-1)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / max(float(np.linalg.norm(x)), 1e-12)
