"""The sheet of a plot (一地一档), and all of them."""
