"""`python -m services.device`: api, worker, migrate, and the command that makes enrolment codes."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.device.commands import parse, run_command
    from services.device.config import DeviceConfig
    from shared import process

    process.main(__package__, DeviceConfig, parse(), run_command)


if __name__ == "__main__":
    main()
