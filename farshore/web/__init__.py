"""A page on which a person leads a rehearsal, served on loopback while it lasts."""
