"""Schedulers that train a population, in which the good replace the bad."""
