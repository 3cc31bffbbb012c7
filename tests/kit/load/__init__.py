"""Open-loop load: requests leave by the clock, through every gateway pod, and none is repeated."""
