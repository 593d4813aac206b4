"""`python -m services.payment api|worker|migrate`."""

import argparse

from services.payment.config import MigrateConfig, PaymentConfig
from shared.clock import SystemClock
from shared.config import load


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m services.payment",
        description="Payments, refunds and notifications. Settings come from the environment.",
    )
    parser.add_argument("command", choices=("api", "worker", "migrate"))
    match parser.parse_args().command:
        case "api":
            from services.payment.app import create_app
            from shared.serve import run_api

            config = load(PaymentConfig)
            run_api("payment-api", create_app(config, SystemClock()), config)
        case "worker":
            from services.payment.worker import run
            from shared.worker import start

            start(run(load(PaymentConfig), SystemClock()))
        case _:
            from shared.migrate import migrate

            migrate("services.payment", load(MigrateConfig).owner_url)


if __name__ == "__main__":
    main()
