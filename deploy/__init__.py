"""How the platform is run: the one-command stack, the sandboxes, the deployment profiles."""
