"""The controller's side: has supervisors make attempts, and hears what becomes of them."""
