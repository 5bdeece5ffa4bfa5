"""The page's HTTP interface."""
