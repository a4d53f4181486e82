"""Vector tiles on demand: what a viewer may see of a layer, cut for a screen, and a page that draws it."""
