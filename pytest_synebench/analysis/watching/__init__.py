"""A running experiment, seen from another process: its journal is read as it grows."""
