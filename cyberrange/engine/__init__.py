"""The engines: named draws, the rules, and the clocks that play them."""
