"""Each fault does what its line says."""
