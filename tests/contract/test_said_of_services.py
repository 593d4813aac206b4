"""What each service says of itself: which events it publishes and which it consumes."""

import asyncio
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import shared.contracts.events
from shared.contracts.events.base import Event, known_types
from tests.contract.generate import settings_of

SERVICES = ("binding", "campaign", "device", "order", "payment")
for module in pkgutil.iter_modules(shared.contracts.events.__path__):
    importlib.import_module(f"shared.contracts.events.{module.name}")
FIRST_PARTS = sorted({kind.partition(".")[0] for kind in known_types()})
NAME = re.compile(rf"\b(?:{'|'.join(FIRST_PARTS)})\.[a-z_]+\b")
ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs/runbook.md"
TOPICS = {f"{name}.events" for name in SERVICES}


def _kinds(kind: type[Event] = Event) -> set[type[Event]]:
    below = {one for sub in kind.__subclasses__() for one in _kinds(sub)}
    return below | ({kind} if "type" in vars(kind) else set())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_names_the_events_that_it_publishes_and_consumes(service: str) -> None:
    consumers = importlib.import_module(f"services.{service}.consumers")
    published = {kind.type for kind in _kinds() if kind.topic == f"{service}.events"}
    handled = {kind for room in consumers.handlers.rooms for kind in room.by_type}
    wanted = {name.rsplit(".", 1)[0] for name in published | handled}
    said = importlib.import_module(f"services.{service}").__doc__ or ""
    assert set(NAME.findall(said)) - TOPICS == wanted, f"services/{service}/__init__.py says it"


def test_the_changelog_names_every_event() -> None:
    """Whoever updates looks there for what other services may now say."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    contracts = changelog.partition("\n### Event contracts\n")[2].partition("\n### ")[0]
    known = {kind.rsplit(".", 1)[0] for kind in known_types()}
    assert known == set(NAME.findall(contracts)), "CHANGELOG.md, Event contracts"


@pytest.mark.parametrize("service", SERVICES)
def test_the_worker_relays_what_the_service_publishes(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that no relay carries would stay in the outbox for ever."""
    relayed = []

    async def work(*_parts: object, publishes: str = "", **_more: object) -> None:
        relayed.append(publishes)

    worker = importlib.import_module(f"services.{service}.worker")
    monkeypatch.setattr(worker, "work", work)
    with settings_of(service) as config:
        asyncio.run(worker.run(config))
    topics = {kind.topic for kind in _kinds() if kind.topic.partition(".")[0] == service}
    assert set(filter(None, relayed)) == topics


@pytest.mark.parametrize("service", SERVICES)
def test_the_runbook_allows_a_service_what_its_consumers_do(service: str) -> None:
    """A broker with access rules refuses each topic and each group that no rule names."""
    consumers = importlib.import_module(f"services.{service}.consumers")
    rooms = [room for room in consumers.handlers.rooms if room.by_type]
    topics = {topic for room in rooms for topic in room.topics}
    rules = RUNBOOK.read_text(encoding="utf-8")
    for operation, names in (
        ("Read", topics | {room.consumer for room in rooms}),
        ("Write", {f"{topic}.parked" for topic in topics}),
    ):
        said = re.findall(
            rf"^kafka-acls .* User:{service} --operation {operation} (.*)", rules, re.M
        )
        missing = names - set(" ".join(said).split())
        assert not missing, f"{operation} for {service} in the commands of docs/runbook.md"
