"""One service against a real PostgreSQL and, where it listens, a real broker."""
