"""A network → one that fits another laboratory's cells: its statistics, then its last layer."""
