"""Terminals: their codes."""
