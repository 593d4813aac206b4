"""Who is here: merchants, stores, accounts, and what each role may do.

Owns the tables merchants, stores and users. `permissions` is the one table of permissions,
`standing` says whether a power still stands, `second_person` who may decide for somebody else.
Hears nothing. Publishes merchant.created, store.created and store.renamed.
"""
