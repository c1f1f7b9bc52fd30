"""The laws of the tree: each is a function from a root folder to the violations it finds, one line each."""
