"""Integrations with other frameworks and protocols, which nothing else imports."""
