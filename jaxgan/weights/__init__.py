"""Other people's weights: what is read from their published files, without running any of it."""

from jaxgan.weights.reading import File, read
