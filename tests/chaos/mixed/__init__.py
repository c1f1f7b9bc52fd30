"""Load of every template of every service: what is asked, and what must be there for it."""
