"""The plan: a city, a scenario and a posture as flat arrays; no clock and no chance."""
