"""Tests of shared/keys: what any door of the platform reads, and what none does."""
