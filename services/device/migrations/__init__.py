"""The schema of the device service, version by version."""
