"""The shortcut of a sandbox installation: binds the sandbox's app without a person at Alipay.

Owns no table; answers only where the Alipay behind is the sandbox.
Hears and publishes nothing by itself: the keys that it binds are keys' events.
"""
