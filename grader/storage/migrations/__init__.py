"""The database, revision by revision."""
