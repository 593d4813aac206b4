"""One Apache Kafka node in KRaft mode on 127.0.0.1: downloaded, formatted, started, stopped.

All its files are under RUN_DIR/kafka: the jars, the settings, the log segments, the pid. Its data
survive `stop`; `wipe` deletes them.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.ports import HOST, Holds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOPICS = HERE / "topics.json"
POM = HERE / "pom.xml"
DEFAULT_PORT = 9092
JAVA_AT_LEAST = 17
HEAP = "-Xmx512m"
DOWNLOAD_LIMIT_S = 600.0
READY_WAIT_S = 60.0
STOP_WAIT_S = 20.0
POLL_S = 0.2
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=4
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.hours=168
"""
LOG4J = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


class KafkaError(Exception):
    """One clear line for the person who typed `make kafka`."""


def topics() -> list[dict[str, Any]]:
    declared: list[dict[str, Any]] = json.loads(TOPICS.read_text())["topics"]
    return declared


def settings(port: int, controller: int, data: Path) -> str:
    """server.properties of a node that only this machine can reach."""
    return SETTINGS.format(host=HOST, port=port, controller=controller, data=data)


def java_version(text: str) -> int:
    """The major number in the output of `java -version`; 0 when there is none."""
    found = re.search(r'version "(\d+)', text)
    return int(found.group(1)) if found else 0


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise KafkaError(
            f"没有 {name}：真正的 Kafka 需要 Java {JAVA_AT_LEAST}+ 与 Maven"
            f"（Debian：apt-get install maven default-jre-headless）\n"
            f"{name} is missing: a real Kafka needs Java {JAVA_AT_LEAST}+ and Maven"
        )
    return path


def _java() -> str:
    path = _program("java")
    output = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    if java_version(output) < JAVA_AT_LEAST:
        raise KafkaError(
            f"Java 版本过低，需要 {JAVA_AT_LEAST}+ this java is too old\n{output.strip()}"
        )
    return path


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


@dataclass(frozen=True)
class KafkaNode:
    """The node of one RUN_DIR."""

    home: Path
    port: int

    @classmethod
    def from_environment(cls) -> "KafkaNode":
        given = os.environ.get("KAFKA_PORT", str(DEFAULT_PORT))
        if not (given.isascii() and given.isdecimal()) or not 1 <= int(given) <= 65_535:
            raise KafkaError(f"KAFKA_PORT={given} 不是可用的端口号 is not a usable port number")
        run_dir = Path(os.environ.get("RUN_DIR", ".run"))
        return cls((run_dir if run_dir.is_absolute() else ROOT / run_dir) / "kafka", int(given))

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "kafka.log"

    @property
    def _pid_file(self) -> Path:
        return self.home / "pid"

    @property
    def pid(self) -> int | None:
        """The pid of the running node; None when it does not run (its old pid may be another
        program's)."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(self._pid_file.read_text())
            command_line = _command_line(pid)
            if str(self.home) in command_line and "kafka.Kafka" in command_line:
                return pid
        return None

    def command(self, main: str, *words: str) -> list[str]:
        """A main class of the node's jars, with its settings."""
        options = [HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        log4j = f"-Dlog4j2.configurationFile={self.home / 'log4j2.xml'}"
        return [_java(), *options, log4j, "-cp", f"{self.home / 'lib'}/*", main, *words]

    @property
    def needs_jars(self) -> bool:
        """Whether the jars of the present pom.xml are missing."""
        stamp = self.home / "pom.stamp"
        return not stamp.exists() or stamp.read_text() != POM.read_text()

    def bring(self) -> None:
        """Gets the jars through Maven."""
        _java()
        maven = _program("mvn")
        shutil.rmtree(self.home / "lib", ignore_errors=True)
        self.home.mkdir(parents=True, exist_ok=True)
        words = [maven, "-q", "-B", "-f", str(POM), COPY, f"-DoutputDirectory={self.home / 'lib'}"]
        done = subprocess.run(
            words, cwd=self.home, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=DOWNLOAD_LIMIT_S,
        )  # fmt: skip
        if done.returncode != 0:
            raise KafkaError(f"mvn: {(done.stdout + done.stderr).strip()[-1500:]}")
        (self.home / "pom.stamp").write_text(POM.read_text())

    def prepare(self, controller: int) -> None:
        """Writes the settings, with that port for the controller, and formats the storage the
        first time."""
        data, properties = self.home / "data", self.home / "server.properties"
        (self.home / "log4j2.xml").write_text(LOG4J)
        properties.write_text(settings(self.port, controller, data))
        if (data / "meta.properties").exists():
            return
        shutil.rmtree(data, ignore_errors=True)
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:22]
        words = self.command("kafka.tools.StorageTool", "format", "-t", name, "-c", str(properties))
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaError(f"format: {(done.stdout + done.stderr).strip()[-1500:]}")

    def start(self) -> None:
        """In the background, in a session of its own; returns once the topics are there."""
        with Holds() as holds:
            # Held until the node listens there: others may be choosing ports at the same time.
            if not holds.take(self.port):
                raise KafkaError(
                    f"端口 {self.port} 已被占用，请换一个：KAFKA_PORT=… make kafka\n"
                    f"port {self.port} is taken; choose another: KAFKA_PORT=… make kafka"
                )
            self.prepare(holds.take_any())
            self._begin()
        self.make_topics()

    def _begin(self) -> None:
        words = self.command("kafka.Kafka", str(self.home / "server.properties"))
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                words, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._pid_file.write_text(str(process.pid))
        deadline = time.monotonic() + READY_WAIT_S
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise KafkaError(
                    f"Kafka 未能启动 did not start\n{self.log.read_text(errors='replace')[-1500:]}"
                )
            time.sleep(POLL_S)

    def is_ready(self) -> bool:
        """Whether it answers a client's first request."""
        if not _is_listening(self.port):
            return False
        from confluent_kafka import KafkaException

        try:
            return bool(self._admin().list_topics(timeout=3).brokers)
        except KafkaException:
            return False

    def _admin(self) -> Any:
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def make_topics(self) -> list[str]:
        """Makes the topics of topics.json that are missing; gives their names."""
        from confluent_kafka.cimpl import NewTopic

        admin = self._admin()
        known = set(admin.list_topics(timeout=10).topics)
        missing = [topic for topic in topics() if topic["name"] not in known]
        futures = admin.create_topics(
            [NewTopic(topic["name"], topic["partitions"], 1) for topic in missing]
        ) if missing else {}  # fmt: skip
        for future in futures.values():
            future.result(timeout=20)
        return [topic["name"] for topic in missing]

    def stop(self) -> bool:
        """Ends it, by SIGTERM first; False when it did not run."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_WAIT_S
            while self.pid is not None and time.monotonic() < deadline:
                _reap(pid)
                time.sleep(POLL_S)
            if self.pid is not None:
                os.kill(pid, signal.SIGKILL)
                _reap(pid)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def wipe(self) -> None:
        """Forgets topics and offsets; the jars stay."""
        self.stop()
        shutil.rmtree(self.home / "data", ignore_errors=True)


def _command_line(pid: int) -> str:
    """The command line of that process; empty when there is no such process."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        return ""
    words = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _reap(pid: int) -> None:
    """Reaps the node if it is our own child: until then its pid stays in use."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
