"""One fault under load: the load, the clients, the plane, and what is said of it afterwards."""
