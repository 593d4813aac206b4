"""The periodic job of the worker: deleting old rows of the inbox."""

from services.order import service
from services.order.deps import Deps
from shared.worker import Job, periodic

KEEP_HOUSE_EVERY_S = 3_600.0


def jobs(deps: Deps) -> list[Job]:
    return [periodic(lambda: service.keep_house(deps), KEEP_HOUSE_EVERY_S)]
