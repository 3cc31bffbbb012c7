"""What the operator costs: time against the floor of bare writes, memory, API calls. See README.md."""
