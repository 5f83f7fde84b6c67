"""What travels between a node and the collector: messages, codec, signature, topics.

Both sides import this package, and it imports nothing else of ours.
"""
