"""From deliveries to layer versions: read, settle, check, store."""
