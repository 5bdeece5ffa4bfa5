"""Pictures of cells, fields and slides for the page."""
