"""What was asked of AWS, and answered: written down without a secret, and what follows from it."""
