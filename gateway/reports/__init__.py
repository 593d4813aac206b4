"""What the gateway reports to the services that own it, apart from the request at hand.

Owns: verified notices that go to their owner in batches (batches), refused notices for the
operators' list (refusals), when keys and devices were last used (usage). All of it is in memory
and bounded; nothing is heard or published as an event.
"""
