"""Event contracts: one committed sample per type."""
