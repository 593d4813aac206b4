"""The operators' view of all merchants: the list, one merchant in full, suspending and renaming it.

Owns no table; reads those of tenancy, keys, onboarding and sign_in, in system scope.
Consumes nothing. Publishes merchant.suspended and merchant.resumed.
"""
