"""From folders and lists to a cell table: discovery, index, check, splits, stain vectors."""
