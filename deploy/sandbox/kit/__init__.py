"""What the sandbox of any payment platform is made of; it knows none of them.

Owns: the ledger on disk (table `settings`) with its single writer, the scaled clock and its agenda,
notifies (table `notifies`) and their delivery with resends, misbehaviour that is switched on at the
admin interface, faults of the connection, the request log, and the guards of that interface.
A platform gives it its tables, its list of faults and the form of its notifies.
"""
