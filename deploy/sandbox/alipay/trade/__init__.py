"""Money: payments, orders with a QR code, queries, cancels, refunds, bills.

Owns: what happens to the rows of `trades`, `refunds`, `auth_codes`, `precreated`, `bill_files` and
`bill_plants`, and the methods on them. Publishes: notices of payments and refunds. Time confirms or
closes a waiting trade (`buyers`).
"""
