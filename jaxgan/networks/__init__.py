"""The networks, one file a family."""

from jaxgan.networks.building import (
    Critique,
    Posterior,
    build,
    fields,
    find,
    find_class,
    names,
    settable,
)
