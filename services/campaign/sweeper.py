"""The periodic jobs: expiring coupons, deleting old nonces, counts and inbox rows."""

from services.campaign import service
from services.campaign.deps import Deps
from shared.worker import Job, periodic

EXPIRE_EVERY_S = 60.0
KEEP_HOUSE_EVERY_S = 600.0


def jobs(deps: Deps) -> list[Job]:
    """The jobs of the worker. Several workers may run them at the same time."""
    return [
        periodic(lambda: service.expire_coupons(deps), EXPIRE_EVERY_S),
        periodic(lambda: service.keep_house(deps), KEEP_HOUSE_EVERY_S),
    ]
