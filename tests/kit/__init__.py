"""What tests and benchmarks share. Imports nothing of either: no test, no benchmark."""
