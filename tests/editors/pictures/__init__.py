"""Makes the pictures of docs/pictures from the real editors, the real server and the bundled checkpoint."""
