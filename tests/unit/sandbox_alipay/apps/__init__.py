"""Applications' certificates."""
