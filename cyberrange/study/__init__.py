"""Studies: many replicates on either engine, compared in pairs, priced as annual risk, and searched for what to buy."""
