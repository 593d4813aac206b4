"""Notices and messages: fields, signatures, resends."""
