"""The schema of the order service, version by version."""
