"""What goes wrong, one module for each family."""
