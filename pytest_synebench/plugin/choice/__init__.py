"""What the user typed, and what it selects: options, command line, selections."""
