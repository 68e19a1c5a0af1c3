"""The web server: an event loop that waits for slow people, and a few threads that run Django and wait for nobody.

`process` starts and stops it, `connection` speaks HTTP, `admission` judges a body by its header, `wsgi` calls Django.
A request gets a thread only once it has arrived whole, and its thread is free before the first byte of the answer is
sent, so slow clients cost a socket and a little memory, but no thread. Everything has a bound and a deadline.
"""
