"""How fast artifacts get onto a volume: ours, others, and what the machine can do at most, side by side."""
