"""`python -m services.device`: api, worker, migrate, and enrolment codes by hand."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.device.commands import parse, run_command
    from services.device.config import DeviceConfig, MigrateConfig
    from shared.config import load

    words = parse()
    match words.command:
        case "api":
            from services.device.app import create_app
            from shared.serve import run_api

            config = load(DeviceConfig)
            run_api("device-api", create_app(config), config)
        case "worker":
            from services.device.worker import run
            from shared.worker import start

            start(run(load(DeviceConfig)))
        case "migrate":
            from shared.migrate import migrate

            migrate("services.device", load(MigrateConfig).owner_url)
        case _:
            startup.end()
            run_command(words)


if __name__ == "__main__":
    main()
