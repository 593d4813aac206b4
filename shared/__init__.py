"""Mechanisms that every process stands on; no rule of any one service lives here."""
