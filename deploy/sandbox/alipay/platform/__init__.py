"""The open platform beside payments: accounts, mini programs, authorisations, devices.

Owns: tables `mini_apps`, `templates`, `mini_versions`, `devices`, `app_auth_codes`,
`app_auth_tokens`, `buyer_codes`, `buyer_tokens` and `agent_batches`, and the methods on them.
Publishes: messages to the applications' own gateways. Time finishes builds, reviews and
installations (`lifecycle`).
"""
