"""What a network looks at, and how its features order the cells."""
