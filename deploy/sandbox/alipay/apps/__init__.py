"""Applications: their keys and certificates, and what a method is given when one calls.

Owns: tables `apps`, `app_options` and `certificates`, the certificate authority (setting
`authority`), and the method that downloads a certificate.
"""
