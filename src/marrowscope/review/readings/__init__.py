"""What readers decide: events, labels, the count that follows, agreement of two readers."""
