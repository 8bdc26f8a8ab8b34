"""Finds the training jobs of ours that an account has, and ends those that nobody waits for."""
