"""`python -m services.payment`: api, worker, migrate, and what an operator does by hand."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.payment.commands import parse, run_command
    from services.payment.config import MigrateConfig, PaymentConfig
    from shared.clock import SystemClock
    from shared.config import load

    words = parse()
    match words.command:
        case "api":
            from services.payment.app import create_app
            from shared.serve import run_api

            config = load(PaymentConfig)
            run_api("payment-api", create_app(config, SystemClock()), config)
        case "worker":
            from services.payment.worker import run
            from shared.worker import start

            start(run(load(PaymentConfig), SystemClock()))
        case "migrate":
            from shared.migrate import migrate

            migrate("services.payment", load(MigrateConfig).owner_url)
        case _:
            startup.end()
            run_command(words)


if __name__ == "__main__":
    main()
