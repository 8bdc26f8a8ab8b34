"""The process that makes attempts, warm ones too, and leaves none behind."""
