"""Registers the fixtures of tests/fixtures for every tier."""

pytest_plugins = [
    "tests.fixtures.clock",
    "tests.fixtures.keys",
    "tests.fixtures.tokens",
    "tests.fixtures.postgres",
    "tests.fixtures.events",
    "tests.fixtures.processes",
    "tests.fixtures.commands",
]
