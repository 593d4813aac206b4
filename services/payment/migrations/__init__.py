"""The schema of the payment service, version by version."""
