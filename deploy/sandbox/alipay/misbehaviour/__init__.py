"""Misbehaviour of this platform: the list of its faults, and answers that are wrong or awkward.

Owns: the catalogue of faults for the switches of `deploy.sandbox.kit`, the traps that change a
finished answer, and the ending that somebody chose for the next payment. In memory only.
"""
