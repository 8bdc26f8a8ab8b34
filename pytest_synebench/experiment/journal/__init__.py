"""What happened: the journal, the trials folded from it, measured times."""
