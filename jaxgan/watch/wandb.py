"""A run on Weights & Biases: the same numbers and pictures as in its folder."""

import contextlib
import dataclasses
import importlib.util
import io
import os
import uuid
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.base import errors, files

# In the run's folder, which holds W&B's own folder, too: which run it is there.
FOLDER, ID = "wandb", "run_id"
# Letters of a run's name there at most.
LONGEST = 128
# Values of WANDB_MODE; with some it asks who logs.
ONLINE = ("online", "shared")
MODES = (*ONLINE, "offline", "disabled", "dryrun", "run")


def check(config: ConfigDict) -> None:
    """Refuses a config that asks for W&B where it cannot be.

    Raises:
      UserError: if it is not installed or does not know who logs, or the field names no project.
    """
    asked = config.log.wandb
    if not asked:
        return
    if asked.count("/") > 1 or not all(asked.split("/")) or set(asked) & set("\\#?%:"):
        raise errors.UserError(f"config.log.wandb is PROJECT or ENTITY/PROJECT, not {asked!r}")
    if importlib.util.find_spec("wandb") is None:
        raise errors.UserError("config.log.wandb needs wandb: pip install 'jaxgan[wandb]'")
    mode = os.environ.get("WANDB_MODE", "online")
    if mode not in MODES:
        raise errors.unknown("WANDB_MODE", mode, MODES)
    if jax.process_index() != 0 or mode not in ONLINE:
        return
    import wandb

    with contextlib.redirect_stderr(io.StringIO()):
        known = wandb.login(prompt=False)
    if not known:
        raise errors.UserError("config.log.wandb: no API key; wandb login, or WANDB_MODE=offline")


@dataclasses.dataclass(frozen=True)
class Tracker:
    """What of clu's ``MetricWriter`` a log calls, for one run on W&B.

    Attributes:
      run: of ``wandb.init``.
    """

    run: Any

    @classmethod
    def open(cls, workdir: Path, config: ConfigDict) -> "Tracker":
        """Begins the run there, or goes on with it; ``WANDB_MODE=offline`` keeps it in the folder.

        Args:
          workdir: the run's folder.
          config: of the run, which is kept with it.
        """
        import wandb

        entity, _, project = config.log.wandb.rpartition("/")
        run = wandb.init(
            entity=entity or None,
            project=project,
            name=str(workdir)[-LONGEST:],
            id=identity(workdir),
            resume="allow",
            config=config.to_dict(),
            dir=workdir,
            reinit="create_new",  # one for each of several seeds
            # What a run prints is its own affair.
            settings=wandb.Settings(console="off", silent=True),
        )
        return cls(run)

    @property
    def place(self) -> str:
        """Where the run is to be seen."""
        return self.run.dir if self.run.offline else self.run.url

    def write_scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers of a step; those of one that was there before are left out."""
        self.run.log(values, step=step)

    def write_images(self, step: int, images: dict[str, np.ndarray]) -> None:
        """Pictures of a step, uint8 [N, H, W, C], by name."""
        import wandb

        shown = {name: [wandb.Image(image) for image in rows] for name, rows in images.items()}
        self.run.log(shown, step=step)

    def close(self) -> None:
        """Waits until all is there."""
        self.run.finish()


def identity(workdir: Path) -> str:
    """The run's name for machines, made up when it is first asked for.

    Raises:
      WriteError: if it cannot be written.
    """
    path = workdir / FOLDER / ID
    with files.writing(path):
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(uuid.uuid4().hex)
        return path.read_text().strip()
