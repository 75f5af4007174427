"""A run's config: read, named, completed, overridden, checked."""

from jaxgan.config.checking import check, rules
from jaxgan.config.completing import (
    complete,
    fill_fields,
    fill_from_data,
    fill_group,
    fill_method,
    fill_optimizer,
    merge,
)
from jaxgan.config.fields import SAFE, default, flatten, get, plain, put
from jaxgan.config.kinds import conform, describe_kind, fit_kind, fit_type, of_kind
from jaxgan.config.lanes import arms, count, lanes
from jaxgan.config.overriding import (
    BOOLEANS,
    apply_override,
    forget,
    join_values,
    parse_override,
    parse_value,
)
from jaxgan.config.pipe import build, load
from jaxgan.config.reading import call_experiment, import_from, load_experiment
