"""Tests of binding's room tenancy (integration)."""
