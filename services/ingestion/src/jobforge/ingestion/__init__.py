"""The doors: events and job requests come in here."""
