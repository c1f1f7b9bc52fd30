"""What is due later: moves retries when they are due, and ends runs that would not end by themselves."""
