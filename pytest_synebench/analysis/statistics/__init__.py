"""Exact tests on ranks, effect sizes, and what a test could have seen: integers, no chance."""
