"""Download and prepare a TFDS dataset: python -m jaxgan.data.prepare NAME [--data_dir=DIR]."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence

from jaxgan.base import lookup
from jaxgan.base.errors import UserError
from jaxgan.data import catalogue
from jaxgan.data.source import one_line


def prepare(name: str, data_dir: str = "") -> str:
    """Prepare a TFDS image dataset as array_record, and return the folder it lies in.

    This is the one place that needs TensorFlow; reading the result does not.

    Args:
      name: NAME, NAME/CONFIG, or either with :VERSION.
      data_dir: where to; '' for $TFDS_DATA_DIR, or else ~/tensorflow_datasets.

    Raises:
      UserError: no such dataset, or it has no images; TensorFlow is missing; or TFDS failed.
    """
    catalogue.check_name(name)
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            "preparing a dataset needs TensorFlow, once: pip install 'jaxgan[tf]'"
            " (reading it afterwards does not)"
        )
    lookup.quiet_tensorflow()
    import tensorflow_datasets as tfds

    root = catalogue.default_dir(data_dir)
    try:
        builder = tfds.builder(name, data_dir=root, file_format="array_record")
        features = builder.info.features
        if "image" not in features:
            raise UserError(f"dataset {name!r} has no images; it has: {', '.join(features)}")
        # A folder for each dataset: MNIST and Fashion-MNIST download files of the same names.
        downloads = root / "downloads" / builder.name
        builder.download_and_prepare(download_dir=downloads, file_format="array_record")
    except UserError:
        raise
    except Exception as error:  # from no network over a full disk to a changed checksum
        raise UserError(f"cannot prepare dataset {name!r}: {one_line(error)}") from error
    return str(builder.data_dir)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 if the dataset is prepared, 1 with a line on standard error if not."""
    parser = argparse.ArgumentParser(prog="python -m jaxgan.data.prepare", description=__doc__)
    parser.add_argument("name", help="of a TFDS image dataset, such as mnist or cifar10")
    parser.add_argument("--data_dir", default="", help="default: $TFDS_DATA_DIR, or TFDS's own")
    options = parser.parse_args(arguments)
    try:
        folder = prepare(options.name, options.data_dir)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"prepared {options.name} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
