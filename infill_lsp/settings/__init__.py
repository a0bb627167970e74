"""What a user can set, and where it comes from."""
