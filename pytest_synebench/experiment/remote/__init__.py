"""Experiments whose trials run as jobs of a service."""
