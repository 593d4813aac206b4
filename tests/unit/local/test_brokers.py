"""Both brokers get the same topics; the real one listens on loopback only."""

from pathlib import Path

import pytest

from deploy.kafka import node
from deploy.local import broker
from shared.consumer import PARKED
from shared.events import Event


def _topics_of(event: type[Event]) -> set[str]:
    found = {event.topic} if event.topic else set()
    return found.union(*(_topics_of(child) for child in event.__subclasses__()))


def test_every_topic_is_declared_with_its_parking_place() -> None:
    declared = {topic["name"]: topic["partitions"] for topic in node.topics()}
    assert broker.topics() == node.topics()
    for topic in _topics_of(Event):
        assert declared[topic] == 4
        assert topic + PARKED in declared


def test_the_node_is_for_this_machine_only() -> None:
    lines = node.settings(9092, 9093, Path("/data")).splitlines()
    told = dict(line.split("=", 1) for line in lines)
    for name in ("listeners", "advertised.listeners"):
        addresses = [part.partition("://")[2] for part in told[name].split(",")]
        assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert told["log.dirs"] == "/data"
    assert told["offsets.topic.replication.factor"] == "1"


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_202"', 1),
        ('openjdk version "25" 2025-09-16', 25),
        ("command not found", 0),
    ],
)
def test_java_says_its_version(said: str, major: int) -> None:
    assert node.java_version(said) == major


def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PORT", "kafka")
    with pytest.raises(node.KafkaError, match="KAFKA_PORT=kafka"):
        node.Node.from_environment()


def test_a_pid_that_belongs_to_somebody_else_is_not_ours(tmp_path: Path) -> None:
    import os

    mine = node.Node(tmp_path, 9092)
    assert mine.pid is None
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert mine.pid is None
    assert not mine.stop()
