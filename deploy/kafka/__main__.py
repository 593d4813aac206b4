"""`python -m deploy.kafka up|down|run -- COMMAND…`: a real Kafka for this machine.

`run` brings one up (unless KAFKA_BOOTSTRAP names another), runs the command with KAFKA_BOOTSTRAP
set, and ends what it started. Data live under RUN_DIR/kafka; KAFKA_PORT moves it from 9092.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
HEAP = ("-Xms128m", "-Xmx512m")


class KafkaError(Exception):
    """One clear line."""


def _home() -> Path:
    run_dir = Path(os.environ.get("RUN_DIR", ".run"))
    return (run_dir if run_dir.is_absolute() else ROOT / run_dir) / "kafka"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fetch(home: Path) -> Path:
    """The jars, once per version of the pom."""
    libraries = home / "lib"
    stamp = home / "pom.stamp"
    wanted = (HERE / "pom.xml").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return libraries
    for tool in ("mvn", "java"):
        if shutil.which(tool) is None:
            raise KafkaError(
                f"缺少 {tool}：请安装 maven 与 default-jre-headless\n"
                f"{tool} is missing: install maven and default-jre-headless"
            )
    _say("用 Maven 获取 Kafka fetching Kafka with Maven")
    shutil.rmtree(libraries, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    words = ["mvn", "-B", "-q", "-f", str(HERE / "pom.xml"), goal]
    done = subprocess.run(
        [*words, f"-DoutputDirectory={libraries}", "-DincludeScope=runtime"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise KafkaError(f"mvn: {(done.stdout + done.stderr).strip()[-1500:]}")
    stamp.write_text(wanted)
    return libraries


def _java(home: Path, libraries: Path, main: str, *words: str) -> list[str]:
    log4j = f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}"
    return ["java", *HEAP, log4j, "-cp", f"{libraries}/*", main, *words]


def _configure(home: Path, port: int, controller: int) -> Path:
    """server.properties of one combined broker and controller."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(home / "data"),
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "true",
    }
    path = home / "server.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    (home / "log4j2.properties").write_text(
        "rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\n"
        "appender.out.type=Console\nappender.out.name=out\n"
        "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %c %m%n\n"
    )
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def up(port: int) -> int:
    """Starts the node in the background; its pid. Returns when it answers and has its topics."""
    home = _home()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        raise KafkaError(f"端口 {port} 已被占用（KAFKA_PORT） port {port} is taken; set KAFKA_PORT")
    libraries = _fetch(home)
    shutil.rmtree(home / "data", ignore_errors=True)
    settings = _configure(home, port, _free_port())
    tool = "kafka.tools.StorageTool"
    uuid = "ZGFtc2VsZmx5LWxvY2FsMQ"
    words = ("format", "-t", uuid, "-c", str(settings))
    subprocess.run(_java(home, libraries, tool, *words), check=True, capture_output=True)
    with (home / "server.log").open("wb") as log:
        node = subprocess.Popen(
            _java(home, libraries, "kafka.Kafka", str(settings)),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (home / "pid").write_text(str(node.pid))
    try:
        _make_topics(f"127.0.0.1:{port}", node)
    except BaseException:
        down()
        raise
    _say(f"Kafka 就绪 is ready at 127.0.0.1:{port}")
    return node.pid


def _make_topics(bootstrap: str, node: "subprocess.Popen[bytes]") -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    declared = json.loads((HERE / "topics.json").read_text())["topics"]
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            admin.list_topics(timeout=2.0)
            break
        except KafkaException:
            if node.poll() is not None or time.monotonic() > deadline:
                tail = (_home() / "server.log").read_text(errors="replace")[-1500:]
                raise KafkaError(f"Kafka 未能启动 did not start\n{tail}") from None
    made = admin.create_topics([NewTopic(t["name"], t["partitions"], 1) for t in declared])
    for future in made.values():
        future.result()


def down() -> None:
    """Ends the node that `up` started."""
    pid_file = _home() / "pid"
    if not pid_file.exists():
        _say("没有在运行 nothing is running")
        return
    pid = int(pid_file.read_text())
    pid_file.unlink()
    deadline = time.monotonic() + STOP_WITHIN_S
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    _say("Kafka 已停止 stopped")


def run(port: int, command: list[str]) -> int:
    """The command's exit status, with a real Kafka under KAFKA_BOOTSTRAP."""
    if os.environ.get("KAFKA_BOOTSTRAP"):
        return subprocess.run(command, check=False).returncode
    up(port)
    try:
        told = {**os.environ, "KAFKA_BOOTSTRAP": f"127.0.0.1:{port}"}
        return subprocess.run(command, check=False, env=told).returncode
    finally:
        down()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "run"))
    parser.add_argument("command", nargs=argparse.REMAINDER)
    words = parser.parse_args()
    port = int(os.environ.get("KAFKA_PORT", "9092"))
    try:
        if words.action == "up":
            up(port)
        elif words.action == "down":
            down()
        else:
            return run(port, [word for word in words.command if word != "--"])
    except KafkaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
