"""The map's feed: what the ledger and the samples tell of findings and layers, in the form the page shows."""
