"""Training jobs as the service keeps them: their states, and the account that holds them."""
