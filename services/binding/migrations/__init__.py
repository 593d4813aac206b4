"""The schema of the binding service, version by version."""
