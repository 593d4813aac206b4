"""Runs the gateway's two processes on servers that limit what their callers may hold.

Each process loads only its own app: the other one's would cost start time and memory.
"""

import sys

from gateway.config import EdgeConfig, EgressConfig
from gateway.limits import BODY_BYTES_MAX, UPLOAD_BYTES_MAX, UPLOADS_BYTES_MAX, RefusalDelay
from gateway.routing import uploads
from gateway.server.connections import ConnectionLimits, ConnectionTable, affordable_connections
from gateway.server.forwarded import Proxies, networks
from gateway.server.http1 import bounded
from shared.clock import Clock
from shared.contracts.speakers import EDGE, EGRESS
from shared.serve import bound, run_api


def run_edge(config: EdgeConfig, clock: Clock) -> None:
    """The public edge and its inner listener."""
    from gateway.edge import create_app

    public, inside = create_app(config, clock)
    if config.metrics_at[1] == config.listen_at[1]:
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
    try:
        inner = [bound(*config.metrics_at)]
    except OSError as error:
        # Payments matter more than metrics: start without them.
        sys.stderr.write(
            f"cannot listen on {config.metrics_listen} (METRICS_LISTEN): {error.strerror};"
            " /metrics is not served\n"
        )
        inner = []
    private = (inner[0].getsockname()[1], inside) if inner else None
    run_api(EDGE, public, config, bounded(table, private, uploads()), inner)


def run_egress(config: EgressConfig, clock: Clock) -> None:
    """The private egress: its few callers are services that carry many requests."""
    from gateway.egress import create_app

    limits = ConnectionLimits(
        UPLOAD_BYTES_MAX,
        UPLOADS_BYTES_MAX,
        connections=affordable_connections(),
        is_trusted=lambda _address: True,
    )
    app = create_app(config, clock)
    run_api(EGRESS, app, config, bounded(ConnectionTable(limits)))
