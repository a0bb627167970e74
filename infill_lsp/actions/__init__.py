"""Code actions and commands: what is offered, and what was picked carried out."""
