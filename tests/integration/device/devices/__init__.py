"""Terminals: codes, enrolment, the fleet, and who leaves."""
