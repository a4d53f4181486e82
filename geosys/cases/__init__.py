"""From layers to cases: rules with their clauses, findings with their margins, a ledger that survives re-runs."""
