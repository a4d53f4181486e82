"""The pack of a meeting: what it holds (`content`), as one HTML page (`page`)."""
