"""The price list's versions: read by site admins and site auditors, written by site admins."""
