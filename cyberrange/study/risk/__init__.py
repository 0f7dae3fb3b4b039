"""Annual risk: what incidents cost in each ledger, and what years are made of them."""
