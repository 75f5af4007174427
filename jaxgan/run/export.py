"""``--mode=export``: one checkpoint of a run as a folder of its own, ready to sample from."""

import os
import shutil
from pathlib import Path

from jaxgan.base import errors, files
from jaxgan.base.files import Place
from jaxgan.run import checkpoint, run_folder, sampling
from jaxgan.run.trained import Model


def export(model: Model, workdir: Place, out: Place) -> None:
    """Writes a folder that ``jaxgan.load`` takes as it takes a run's.

    The batch norm's statistics in it are renewed if ``config.evaluation.recalibrate`` says so: what
    is exported is what was evaluated.

    Args:
      model: the checkpoint, on one device.
      workdir: of the run that it came from.
      out: the folder to make.

    Raises:
      UserError: if ``out`` is there already, or cannot be written.
    """
    workdir, out = Path(workdir), Path(out)
    if os.path.exists(out):
        raise errors.UserError(f"{out} is there already; take another --out")
    state, _ = sampling.recalibrate(model.program, model.state)
    carry = {"state": state, "totals": model.program.fresh_totals()}
    stored = run_folder.read_config(workdir) | run_folder.to_json(model.config)
    stored.pop(run_folder.LANE, None)  # its checkpoint is its own
    run_folder.create(out)
    try:
        kept = checkpoint.open_to_write(
            out / run_folder.CHECKPOINTS, keep=1, needed=model.program.bytes
        )
        try:
            kept.save(model.step, carry, {})
            kept.wait()
        finally:
            kept.close()
        with files.replacing(out / run_folder.CONFIG) as path:
            path.write_text(run_folder.as_text(stored))
    except errors.UserError:
        # Else the same command would be refused for what is there, once there is room.
        shutil.rmtree(out, ignore_errors=True)
        raise
