"""What is kept of a run: its directory, its results, its summary."""
