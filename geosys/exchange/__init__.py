"""The ledger in Excel, both ways: exported with locked keys, taken back as a difference first and then as events."""
