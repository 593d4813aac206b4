"""Runs the gateway's two processes on servers that limit what their callers may hold.

Each process loads only its own app: the other one's would cost start time and memory.
"""

from gateway.config import EdgeConfig, EgressConfig
from gateway.limits import BODY_BYTES_MAX, UPLOAD_BYTES_MAX, UPLOADS_BYTES_MAX, RefusalDelay
from gateway.routing import uploads
from gateway.server.connections import ConnectionLimits, ConnectionTable, affordable_connections
from gateway.server.forwarded import Proxies, networks
from gateway.server.http1 import bounded
from shared.clock import Clock
from shared.contracts.speakers import EDGE, EGRESS
from shared.serve import run_api


def run_edge(config: EdgeConfig, clock: Clock) -> None:
    """The public edge and its inner listener."""
    from gateway.edge import create_app

    public, inside = create_app(config, clock)
    inner_port = _port(config.metrics_listen)
    if inner_port == _port(config.listen):
        # Connections to the inner listener are recognised by its port.
        raise SystemExit("METRICS_LISTEN needs another port than LISTEN")
    affordable = affordable_connections()
    table = ConnectionTable(
        ConnectionLimits(
            BODY_BYTES_MAX,
            connections=affordable,
            per_address=min(config.address_connections_max, affordable // 2),
            is_trusted=Proxies(networks(config.trusted_proxies)).trusts,
        ),
        RefusalDelay(clock, config.quota_scale).delay_s,
    )
    run_api(EDGE, public, config, bounded(table, (inner_port, inside), uploads()))


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def run_egress(config: EgressConfig, clock: Clock) -> None:
    """The private egress: its few callers are services that carry many requests. They come over
    links, which these limits do not count; the limits are for HTTP."""
    from gateway.egress import create_app

    limits = ConnectionLimits(
        UPLOAD_BYTES_MAX,
        UPLOADS_BYTES_MAX,
        connections=affordable_connections(),
        is_trusted=lambda _address: True,
    )
    app = create_app(config, clock)
    run_api(EGRESS, app, config, bounded(ConnectionTable(limits), speaks_links=True))
