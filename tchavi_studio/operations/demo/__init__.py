"""Demo clips by the million, for trying the studio out and for measuring it: `manage.py seed_demo`."""
