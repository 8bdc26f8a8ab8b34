"""What one experiment is, before anything runs: parameters and the plan made of them."""
