"""What the service understands and answers: operations, validation, search, faults."""
