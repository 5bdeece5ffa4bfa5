"""The whole study on a copy of its data: every table and figure beside the published numbers."""
