"""Rules of bound apps and their keys: the forms of ids, and how long a replaced key stays usable.

Problem
└── Conflict            AppBoundElsewhere                  409
"""

import re
from datetime import timedelta

from shared.contracts.documents import APP_ID
from shared.errors import Conflict

SELLER_ID = r"^2088[0-9]{12}$"

RETIRE_AFTER_H_MAX = 30 * 24
RETIRED_KEY_GRACE = timedelta(hours=24)
"""How long responses and notifications from before a rotation may arrive after it."""


class AppBoundElsewhere(Conflict):
    code = "binding.app_bound_elsewhere"
    title = "该 AppID 已绑定到其他商户 This AppID is bound to another merchant."


_APP_ID = re.compile(APP_ID)
_SELLER_ID = re.compile(SELLER_ID)
_NOTIFY_ROUTE = re.compile(r"^[A-Za-z0-9_-]{22,64}$")


def is_app_id(text: str) -> bool:
    """Whether the text has the form of an AppID; checked before any query."""
    return _APP_ID.fullmatch(text) is not None


def is_seller_id(text: str) -> bool:
    return _SELLER_ID.fullmatch(text) is not None


def is_notify_route(text: str) -> bool:
    return _NOTIFY_ROUTE.fullmatch(text) is not None
