"""Blackboxes: what a benchmark is simulated by, in place of training: tables and formulas."""
