"""The operators' overview: the list of merchants, one merchant's state, suspending and renaming.

Owns no table; reads those of tenancy, keys, onboarding and sign-in, in system scope.
Hears nothing. Publishes merchant.suspended and merchant.resumed.
"""
