"""The audit log of the whole platform: one chain of entries for each tenant (docs/adr/0013).

Owns the tables audit_log and audit_heads, and the file of anchors outside the database.
Consumes payment.refunded, payment.audited, device.audited and campaign.audited. Publishes nothing.
"""
