"""The time door: coupons end, nonces and old inbox rows are forgotten."""

from services.campaign import service
from services.campaign.deps import Deps
from shared.worker import Job, periodic

EXPIRE_EVERY_S = 60.0
KEEP_HOUSE_EVERY_S = 600.0


def jobs(deps: Deps) -> list[Job]:
    """What the worker does by the clock. Several workers may do it at once."""
    return [
        periodic(lambda: service.expire_coupons(deps), EXPIRE_EVERY_S),
        periodic(lambda: service.keep_house(deps), KEEP_HOUSE_EVERY_S),
    ]
