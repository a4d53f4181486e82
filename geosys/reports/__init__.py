"""Reports in Word: what stands in the ledger between two days, for a meeting or an office."""
