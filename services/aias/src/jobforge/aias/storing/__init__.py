"""Knowledge indexes in the artifact store: immutable segments, and versions that name them."""
