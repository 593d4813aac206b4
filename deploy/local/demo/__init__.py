"""The demo merchant of a fresh stack: its keys and device, its first payment, its days of sales.

Owns: `demo.json` (which databases hold the merchant, and what was done for it). Everything is made
through the interfaces that everybody uses: command lines, the edge, the sandbox's admin interface.
"""
