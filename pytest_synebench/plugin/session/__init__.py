"""A pytest session with experiments: its hooks, run loop, progress and summary."""
