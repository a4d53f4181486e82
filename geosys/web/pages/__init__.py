"""Pages of our own style: a frame, the login, one's own account; no inline script or style, no outside address."""
