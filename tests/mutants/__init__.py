"""Lines that money and evidence hang on, each broken once: some test must notice."""
