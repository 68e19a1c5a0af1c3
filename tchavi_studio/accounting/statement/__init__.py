"""The Credits page: the balance and how long it lasts, what was spent, and the statement."""
