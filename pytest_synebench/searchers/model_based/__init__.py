"""Searchers that model the losses: through Optuna, and by CMA-ES. Heavy imports are late."""
