"""`python -m services.binding`: api, worker, migrate, and the commands for operators."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.binding.commands.main import parse, run_command
    from services.binding.config import BindingConfig
    from shared import process

    process.main(__package__, BindingConfig, parse(), run_command)


if __name__ == "__main__":
    main()
