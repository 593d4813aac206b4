"""What the gateway reports to the services that own the data, apart from the current request.

Owns: refused notices for the operators' list (refusals), when keys and devices were last used
(usage). All of it is in memory and bounded. No event is consumed or published.
"""
