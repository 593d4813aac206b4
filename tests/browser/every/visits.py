"""All visits."""

from tests.browser.every import entry, operator, pages, people, setup, shell, shop

VISITS = [
    visit for part in (entry, pages, shell, shop, setup, people, operator) for visit in part.VISITS
]
