"""Searchers: pure functions from (history, seed, number) to the next config."""
