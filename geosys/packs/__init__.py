"""The pack of a meeting: collected from a workspace, and written as one folder."""
