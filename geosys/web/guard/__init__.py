"""What every request goes through before it reaches data: envelope, doorway, streams, who asks, forms, journal."""
