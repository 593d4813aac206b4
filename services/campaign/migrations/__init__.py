"""The schema of the campaign service, version by version."""
