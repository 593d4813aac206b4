"""Tests of deploy.local and deploy.kafka that start nothing."""
