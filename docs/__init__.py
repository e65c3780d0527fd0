"""What turns lessons, docstrings, the derivative table and recorded results into pages. Nothing else imports it."""
