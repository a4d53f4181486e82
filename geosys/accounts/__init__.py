"""Who may: users, roles, offices and counties, passwords, tokens and sessions, and the rules of rows and fields."""
