"""`python -m services.campaign api|worker|migrate`."""

import argparse

from shared import startup


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.campaign", description=__doc__)
    parser.add_argument("command", choices=("api", "worker", "migrate"))
    command = parser.parse_args().command

    startup.begin()
    from services.campaign.config import CampaignConfig
    from shared.config import load

    config = load(CampaignConfig)
    if command == "api":
        from services.campaign.app import create_app
        from shared.serve import run_api

        run_api("campaign-api", create_app(config), config)
    elif command == "worker":
        from services.campaign.worker import run

        run(config)
    else:
        from shared.migrate import migrate

        migrate("services.campaign", config.owner_url)


if __name__ == "__main__":
    main()
