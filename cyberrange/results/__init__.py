"""What a run yields: its log and tables, its measures, and where it all comes from."""
