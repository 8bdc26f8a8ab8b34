"""Successive halving: trials climb rungs, and at each one most of them stay behind."""
