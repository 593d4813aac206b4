"""`python -m services.order api|worker|migrate`."""

import argparse

from shared import startup


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.order", description=__doc__)
    parser.add_argument("command", choices=("api", "worker", "migrate"))
    command = parser.parse_args().command

    startup.begin()
    from services.order.config import OrderConfig
    from shared.config import load

    config = load(OrderConfig)
    if command == "api":
        from services.order.app import create_app
        from shared.serve import run_api

        run_api("order-api", create_app(config), config)
    elif command == "worker":
        from services.order.worker import run

        run(config)
    else:
        from shared.migrate import migrate

        migrate("services.order", config.owner_url)


if __name__ == "__main__":
    main()
