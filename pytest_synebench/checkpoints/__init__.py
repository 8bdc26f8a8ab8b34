"""Checkpoints: verified bytes from which a trial goes on."""
