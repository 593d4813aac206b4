"""Merchants, stores, accounts, and what each role may do.

Owns the tables merchants, stores and users. `permissions` is the one table of permissions.
`authorization` checks a permission again when it is used. `approvers` checks the second person of a
decision. Consumes nothing. Publishes merchant.created, store.created and store.renamed.
"""
