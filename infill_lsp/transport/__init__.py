"""How messages reach the server: our stdio loop, and the hardened protocol class that knows pygls inside."""
