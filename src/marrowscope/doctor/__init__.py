"""From this machine to a list of checks: what works here, and what to type for the rest."""
