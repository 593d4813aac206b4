"""Tests of payment's room `notices` (integration)."""
