"""The figures: one file each, each a pure function from plain records to a matplotlib Figure."""
