"""Schedulers of several objectives, between which there is no exchange rate."""
