"""Faults and kills against a whole stack: python -m tests.chaos."""
