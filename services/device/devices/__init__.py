"""Terminals: how one comes to its key, where it stands, and when it stops.

Owns enrolment_codes, devices and data_keys, and keeps what binding says of stores, merchants and
people (stores, merchant_standings, left_roles). Hears store.created, store.renamed, role.left,
password.renewed, merchant.suspended and merchant.resumed.
Publishes device.enrolled, device.moved, device.revoked and device.audited.
"""
