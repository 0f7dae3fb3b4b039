"""Choosing a design: what can be bought, which designs to play, which of them is best, and what is worth knowing."""
