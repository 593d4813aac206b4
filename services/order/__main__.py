"""`python -m services.order api|worker|migrate`."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.order.config import OrderConfig
    from shared import process

    process.main(__package__, OrderConfig, process.parse(__package__, __doc__))


if __name__ == "__main__":
    main()
