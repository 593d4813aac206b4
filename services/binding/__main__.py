"""`python -m services.binding`: api, worker, migrate, and what an operator does by hand."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.binding.commands.main import parse, run_command
    from services.binding.config import BindingConfig, MigrateConfig
    from shared.config import load

    words = parse()
    match words.command:
        case "api":
            from services.binding.app import create_app
            from shared.serve import run_api

            config = load(BindingConfig)
            run_api("binding-api", create_app(config), config)
        case "worker":
            from services.binding.worker import run
            from shared.worker import start

            start(run(load(BindingConfig)))
        case "migrate":
            from shared.migrate import migrate

            migrate("services.binding", load(MigrateConfig).owner_url)
        case _:
            startup.end()
            run_command(words)


if __name__ == "__main__":
    main()
