"""The gate: whether what was changed makes tuning worse, with stated error rates."""
