"""The database of a review: SQLite beside the source, or PostgreSQL of a laboratory."""
