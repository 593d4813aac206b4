"""Settings of the campaign processes."""

from pydantic import Field

from shared.config import DatabaseConfig


class CampaignConfig(DatabaseConfig):
    """The shared settings and this service's database."""

    database_url: str = Field(validation_alias="DATABASE_URL_CAMPAIGN")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_CAMPAIGN")
