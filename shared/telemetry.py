"""Logs as JSON lines with masking at the sink, and the metrics page.

A secret that reaches a log call is masked here, by its field's name and by its shape.
"""

import logging
import re
import sys
from typing import Any

import orjson
import structlog
from prometheus_client import REGISTRY, generate_latest

MASK = "***"
_SECRET_NAMES = re.compile(
    r"(?i)private_key|secret|passw|token|authorization|cookie|auth_code|hmac|kek|\bkey\b|_box$"
    r"|signature"
)
# PEM bodies and long base64 runs: keys, signatures, tokens. Ids and hashes are shorter or hex.
_SECRET_SHAPE = re.compile(r"-----BEGIN [A-Z ]+-----|[A-Za-z0-9+/_-]{100,}={0,2}")
_bound: dict[str, str] = {}


def _mask(value: Any, name: str = "") -> Any:
    if name and _SECRET_NAMES.search(name) and isinstance(value, str | bytes):
        return MASK
    if isinstance(value, str):
        return _SECRET_SHAPE.sub(MASK, value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return {str(key): _mask(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(inner) for inner in value]
    return value


def _masking(_logger: Any, _method: str, fields: Any) -> Any:
    return {name: _mask(value, name) for name, value in fields.items()} | _bound


_rendering = structlog.processors.JSONRenderer(orjson.dumps, default=str)


def configure(process: str, level: str = "INFO") -> None:
    """Puts the process name into every line and sets the level; call once at start."""
    _bound["process"] = process
    numeric = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars, structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info, _masking, _rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    logging.basicConfig(level=max(numeric, logging.WARNING), handlers=[_JsonLines()], force=True)
    # The Kafka client logs each reconnect attempt at error level; our own log lines suffice.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class _JsonLines(logging.Handler):
    """Log records of libraries as the same masked JSON lines; a traceback is one line."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), exc_info=record.exc_info or None)


def get_logger(name: str) -> Any:
    """A structlog logger that names its module."""
    return structlog.get_logger(module=name)


def access_line(fields: dict[str, Any]) -> None:
    """The log line of one request, written directly to the stream: the hot path has no other."""
    sys.stdout.buffer.write(orjson.dumps(fields | _bound) + b"\n")
    sys.stdout.buffer.flush()


def metrics_page() -> bytes:
    """The Prometheus text exposition of this process."""
    return generate_latest(REGISTRY)
