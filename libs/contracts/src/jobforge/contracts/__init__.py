"""What travels on JobForge's wire: messages, topics and identities."""
