"""Tests of payment's room `notices` (unit)."""
