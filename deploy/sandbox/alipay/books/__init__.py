"""What the ledger keeps of this platform.

Owns: all tables but `settings`, `notifies` and `certificates`; the row of a trade (`trades`), and
how long the platform takes for what it does not do at once (setting `platform_timing`).
"""
