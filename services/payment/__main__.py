"""`python -m services.payment`: api, worker, migrate, and the commands for operators."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.payment.commands import parse, run_command
    from services.payment.config import PaymentConfig
    from shared import process

    process.main(__package__, PaymentConfig, parse(), run_command)


if __name__ == "__main__":
    main()
