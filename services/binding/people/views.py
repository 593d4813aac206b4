"""Converts one-time links to response models."""

from services.binding.people import schemas
from services.binding.people.links import Link


def link_out(link: Link) -> schemas.LinkOut:
    return schemas.LinkOut(token=link.token, expires_at=link.expires_at)
