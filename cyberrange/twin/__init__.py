"""Real inputs: what other tools know of a city, brought into the twin."""
