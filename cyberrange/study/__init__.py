"""Studies: many replicates, compared in pairs."""
