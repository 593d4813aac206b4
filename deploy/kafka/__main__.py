"""`python -m deploy.kafka up|down|wipe|run -- COMMAND…`: a real Apache Kafka on 127.0.0.1.

Settings: KAFKA_PORT (9092), RUN_DIR (.run). `run` gives the command KAFKA_BOOTSTRAP: the broker
named by that variable already, else the one that is up, else a fresh one that ends with it.
"""

import argparse
import os
import subprocess
import sys

from deploy.kafka.node import KafkaError, KafkaNode, say
from deploy.local.layout import StackError, plainly


def _up(node: KafkaNode) -> None:
    if node.pid is not None and node.is_ready():
        node.make_topics()
        say(f"Kafka 已在运行 is already up: {node.bootstrap}")
        return
    if node.needs_jars:
        say("用 Maven 获取 Kafka，首次较慢 getting Kafka through Maven, slower the first time")
        node.bring()
    say("启动 Kafka starting Kafka")
    node.start()
    say(f"Kafka 就绪 is up: KAFKA_BOOTSTRAP={node.bootstrap} make run")


def _down(node: KafkaNode) -> None:
    say("Kafka 已停止 stopped" if node.stop() else "没有在运行 nothing is running")


def _wipe(node: KafkaNode) -> None:
    node.wipe()
    say("Kafka 已清空 topics and offsets forgotten")


def _run(node: KafkaNode, words: list[str]) -> int:
    """The command's exit status."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    is_ours = not given and node.pid is None
    if is_ours:
        node.wipe()
    if not given:
        _up(node)
    environment = {**os.environ, "KAFKA_BOOTSTRAP": given or node.bootstrap}
    try:
        return subprocess.run(words, env=environment, check=False).returncode
    finally:
        if is_ours:
            _down(node)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    for name, what in (
        ("up", "start in the background; returns when the topics are there"),
        ("down", "stop it; topics and offsets stay"),
        ("wipe", "stop it, and forget topics and offsets"),
    ):
        commands.add_parser(name, help=what)
    command = commands.add_parser("run", help="run a command with KAFKA_BOOTSTRAP set")
    command.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    given = parser.parse_args()
    if given.action == "run":
        given.words = given.words[1:] if given.words[:1] == ["--"] else given.words
        if not given.words:
            command.error("which command? 缺少命令")
    return given


def main() -> int:
    given = _parse()
    try:
        node = KafkaNode.from_environment()
        with plainly(node.home.parent):
            if given.action == "run":
                return _run(node, given.words)
            {"up": _up, "down": _down, "wipe": _wipe}[given.action](node)
    except (KafkaError, StackError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
