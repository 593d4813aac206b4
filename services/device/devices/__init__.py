"""Terminals: enrolment and keys, the store of each device, and revocation.

Owns enrolment_codes, devices and data_keys, and the read models of stores, merchants and people
(stores, merchant_standings, left_roles). Consumes store.created, store.renamed, role.left,
password.renewed, merchant.suspended and merchant.resumed.
Publishes device.enrolled, device.moved, device.revoked and device.audited.
"""
