"""What every JobForge service stands on."""
