"""`python -m gateway edge|egress`: starts one of the two gateway processes."""

import argparse
import sys
from collections.abc import Sequence

from shared import startup


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="The public edge, or the private egress. Settings come from the environment.",
    )
    parser.add_argument("process", choices=("edge", "egress"))
    chosen = parser.parse_args(arguments).process

    startup.begin()
    from gateway.config import EdgeConfig, EgressConfig, ProxiesNotConfigured
    from gateway.serving import run_edge, run_egress
    from shared.clock import SystemClock
    from shared.config import load

    if chosen == "edge":
        edge_config = load(EdgeConfig)
        try:
            edge_config.require_proxies()
        except ProxiesNotConfigured as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(2) from None
        run_edge(edge_config, SystemClock())
    else:
        run_egress(load(EgressConfig), SystemClock())


if __name__ == "__main__":
    main()
