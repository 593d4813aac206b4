"""Coverage-guided fuzzing of everything that parses what strangers send: `python -m tests.fuzz`.

A target is a module of tests/fuzz/targets with two names: `SEEDS`, a few hand-made inputs, and
`check(data)`, which returns for any bytes at all and raises where a promise is broken.
"""

import pkgutil
from importlib.util import find_spec

from tests.fuzz import targets

NEEDS = {
    "bill_file": "gateway.alipay.bill_file",
    "certificate_upload": "services.binding.keys.certificates",
}


def target_names() -> list[str]:
    """Every target whose subject is part of this tree."""
    found = (module.name for module in pkgutil.iter_modules(targets.__path__))
    return sorted(name for name in found if name not in NEEDS or find_spec(NEEDS[name]))
