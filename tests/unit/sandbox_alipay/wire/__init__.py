"""What goes over the wire: strings to sign, encryption."""
