"""Rivers of a workspace: networks, who stands where on them, corridors, and what people settle."""
