"""Reading a published weights file: the arrays of each network, and what else it says of them."""

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import errors, files
from jaxgan.weights import containers, families

# Of a folder as Hugging Face has them.
_BIN = "pytorch_model.bin"


@dataclass(frozen=True)
class File:
    """What a published weights file holds.

    Attributes:
      path: the file.
      sha256: of its bytes, in hex.
      family: whose it is, a key of ``families.FAMILIES``.
      licence: of the project and of what it published, in a line.
      networks: the arrays of each network by their published keys, in the file's order and layout,
        read-only. The networks have the file's names; a file of one network has the name ''.
      settings: what the file or the one beside it says of the networks: what they were built with.
    """

    path: Path
    sha256: str
    family: str
    licence: str
    networks: dict[str, dict[str, np.ndarray]]
    settings: dict[str, Any]


def read(path: files.Place) -> File:
    """The networks of a weights file that somebody published, without running any code in it.

    Known families and their networks, with what ``settings`` has:

    - ``stylegan2_ada_pytorch``, ``stylegan3_pytorch``: ``G``, ``D``, ``G_ema``; of each
      ``class_name``, ``init_args``, ``init_kwargs``; and ``training_set_kwargs``.
    - ``r3gan``: ``G``, ``D``, ``G_ema``; ``cur_nimg`` and ``training_set_kwargs``.
    - ``stylegan2_tf``, ``progan_tf``: ``G``, ``D``, ``Gs``; of each
      ``static_kwargs``, ``build_func_name``, and of its ``components`` the same.
    - ``progan_zoo``: ``netG``, ``netD``, ``avgG``; its config.
    - ``stylegan2_rosinality``: ``g``, ``d``, ``g_ema`` as far as they are there, and in ``''`` a
      ``latent_avg``; ``args`` and ``ada_aug_p``.
    - ``gat``: ``generator``, ``discriminator``, ``ema``; ``args`` and ``steps``.
    - ``mimicry``: ``''``; ``global_step``.
    - ``biggan_deep_hf``: ``''``; its config.json, which lies beside it.
    - ``biggan_pytorch``: ``''``; the config of the ``state_dict.pth`` beside it, if there is one.
    - ``cyclegan_pix2pix``, ``dcgan_example``: ``''``; none.
    - ``jaxgan``: ``g``, ``d``; what ``jaxgan.weights.own`` writes beside them.

    Args:
      path: the file, or a folder with a ``pytorch_model.bin``.

    Raises:
      UserError: in one line, if it is not there, is damaged or cut short, holds anything but
        tensors and plain containers, or is of no known family.
    """
    place = files.expanded(path)
    if place.is_dir():
        if not (place / _BIN).is_file():
            raise errors.UserError(f"{place} is a folder without a {_BIN}; name the weights file")
        place /= _BIN
    with containers.opened(place) as stored:
        family = families.recognize(stored)
        if family is None:
            begins = families.first_keys(stored)
            raise errors.UserError(f"{place} is of no known family of weights: it has {begins}")
        kind, licence = families.FAMILIES[family], families.FAMILIES[family].licence
        networks, settings = kind.networks(stored), kind.settings(stored)
    if family == "biggan_deep_hf":
        settings = _config_beside(place)
    elif family == "biggan_pytorch":
        settings = _state_beside(place)
    elif family == containers.OWN:
        licence = settings["licence"]
    with place.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return File(place, sha256, family, licence, networks, settings)


def _config_beside(path: Path) -> dict[str, Any]:
    """The config.json of Hugging Face's file, which cannot be built without."""
    place = path.with_name(f"{path.name.removesuffix(_BIN)}config.json")
    if not place.is_file():
        place = path.with_name("config.json")
    try:
        config = json.loads(place.read_text())
    except (OSError, ValueError) as error:
        what = errors.describe(error) if place.exists() else "it is not there"
        raise errors.UserError(f"{path} needs {place} to be built: {what}") from error
    if not isinstance(config, dict):
        raise errors.UserError(f"{path} needs {place} to be built: it is no table of settings")
    return config


def _state_beside(path: Path) -> dict[str, Any]:
    """The config that BigGAN-PyTorch saves beside its networks, under the same suffix."""
    named = re.fullmatch(r"(?:G_ema|G|D)(_.+)?", path.stem)
    place = path.with_name(f"state_dict{(named and named[1]) or ''}.pth")
    if not named or not place.is_file():
        return {}
    try:
        with containers.opened(place) as stored:
            return families.plain(stored.get("config", {}))
    except errors.UserError as error:
        logging.warning("%s; %s is read without its settings", error, path.name)
        return {}
