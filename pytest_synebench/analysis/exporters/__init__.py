"""Runs for the tools people already look at: an exporter each, by extra."""
