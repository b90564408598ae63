"""What is measured: each module is a bench of its own, and prints a table."""
