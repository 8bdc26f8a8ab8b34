"""Gates in a pytest session: what is asked for, their nodes, saving, and what is shown."""
