"""`python -m services.campaign api|worker|migrate`."""

from shared import startup


def main() -> None:
    startup.begin()
    from services.campaign.config import CampaignConfig
    from shared import process

    process.main(__package__, CampaignConfig, process.parse(__package__, __doc__))


if __name__ == "__main__":
    main()
