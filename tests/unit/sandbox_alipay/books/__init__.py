"""The ledger outlives a kill."""
