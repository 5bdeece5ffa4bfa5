"""Review of counted smears by people: database, readings, sign-off, and the server of the page."""
