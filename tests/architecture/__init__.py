"""Rules about the code itself: sizes, bans, imports, schemas, routes."""
