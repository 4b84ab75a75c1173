"""Plain Python for the measurements: what is written down first, to compare with."""
