"""Tests of payment's room `channels` (integration)."""
