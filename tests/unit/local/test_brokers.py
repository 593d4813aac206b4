"""Both brokers get the same topics; the real one listens on loopback only."""

import os
import sys
from pathlib import Path

import pytest

from deploy.kafka import node
from deploy.local import broker
from deploy.local.ports import Holds
from shared.consumer import PARKED
from shared.contracts.events import Event


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
        node.KafkaNode.from_environment()


def test_a_pid_that_belongs_to_somebody_else_is_not_ours(tmp_path: Path) -> None:
    mine = node.KafkaNode(tmp_path, 9092)
    assert mine.pid is None
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert mine.pid is None
    assert not mine.stop()


JAVA = """\
#!{python}
import sys
from pathlib import Path

sys.path.insert(0, {root!r})
from deploy.local.ports import Holds

if "-version" in sys.argv:
    sys.exit('openjdk version "21"')
if "kafka.Kafka" in sys.argv:
    told = dict(line.split("=", 1) for line in Path(sys.argv[-1]).read_text().splitlines())
    ports = sorted(int(one.rpartition(":")[2]) for one in told["listeners"].split(","))
    with Holds() as holds:
        taken = [port for port in ports if holds.take(port)]
    print("ports", len(set(ports)), "taken", taken)
    sys.exit(1)
"""


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A java that looks, where the node's would begin to listen, who could still take its ports."""
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(JAVA.format(python=sys.executable, root=str(node.ROOT)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


@pytest.mark.usefixtures("java")
def test_nobody_is_given_the_nodes_ports_before_it_listens(tmp_path: Path) -> None:
    """Neither its own nor the one it picks for its controller."""
    with Holds() as holds:
        port = holds.take_any()
    mine = node.KafkaNode(tmp_path, port)
    with pytest.raises(node.KafkaError, match="did not start"):
        mine.start()
    assert "ports 2 taken []" in mine.log.read_text()
    with Holds() as holds:
        assert holds.take(port), "it did not start, and holds nothing any longer"


@pytest.mark.usefixtures("java")
def test_a_port_that_another_stack_holds_is_taken(tmp_path: Path) -> None:
    """Although nobody listens there yet."""
    with Holds() as holds:
        mine = node.KafkaNode(tmp_path, holds.take_any())
        with pytest.raises(node.KafkaError, match=f"port {mine.port} is taken"):
            mine.start()
    assert not mine.log.exists()
