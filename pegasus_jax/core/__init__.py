"""Types and mathematics that every room may use; no files, no head model, no family of avatars."""
