"""What the UI knows of the world, and the threads that keep it so."""
