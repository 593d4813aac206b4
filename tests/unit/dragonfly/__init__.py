"""Tests of deploy.sandbox.dragonfly."""
