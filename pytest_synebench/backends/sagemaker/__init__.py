"""Runs attempts as training jobs of SageMaker."""
