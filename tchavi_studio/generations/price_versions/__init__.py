"""The versions of the price list: written by site admins, never changed, each in force from its moment on."""
