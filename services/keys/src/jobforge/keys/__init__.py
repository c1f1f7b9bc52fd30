"""The keys service: keeps the usage of API keys and adds it up."""
