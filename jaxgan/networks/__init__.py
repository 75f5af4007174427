"""The networks, one file a family."""

from jaxgan.networks.building import Critique, build, fields, find, find_class, names, settable
