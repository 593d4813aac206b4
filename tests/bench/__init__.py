"""The performance table against a control build: python -m tests.bench."""
