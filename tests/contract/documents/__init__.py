"""What processes send each other inside, held against its golden files."""
