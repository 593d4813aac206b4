"""Bytes on the wire: requests as they come, answers as they go, signatures and encryption.

Owns: the merge of query and form, the envelope of an answer, RSA2 and AES, the spelling of amounts,
and the codes and texts of refusals. Keeps nothing.
"""
