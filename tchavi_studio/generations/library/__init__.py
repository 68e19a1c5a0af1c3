"""The gallery's index: one row per clip that people see, with what they browse, filter and search by."""
