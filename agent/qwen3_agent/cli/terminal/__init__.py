"""What the command shows on a terminal and reads from it."""
