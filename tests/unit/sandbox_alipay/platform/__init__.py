"""Mini programs, authorisations and devices."""
