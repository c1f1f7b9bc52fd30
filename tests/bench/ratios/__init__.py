"""What ``make bench`` is made of: the plane and a raw path, driven in turn by one client."""
