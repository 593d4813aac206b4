"""Tests of payment's room `refunds` (integration)."""
