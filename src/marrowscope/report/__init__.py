"""Reports that people read: figures, tables, self-contained HTML."""
