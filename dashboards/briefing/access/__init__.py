"""Who may see and do what: roles, sessions, forms, logins."""
