"""Plots: their lists, life, deadlines and risk, over the layers of a workspace."""
