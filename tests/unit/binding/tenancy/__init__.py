"""Tests of binding's room tenancy (unit)."""
