"""The command line: a composition root beside the server. Nothing else imports it."""
