"""Sheets and atlases of a workspace: layers, charts and tables put on paper."""
