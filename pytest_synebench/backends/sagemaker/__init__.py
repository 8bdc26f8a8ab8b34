"""Attempts as SageMaker training jobs. The rules are pure; AWS is met in ``port`` alone."""
