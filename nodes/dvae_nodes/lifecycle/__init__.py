"""What a capability is (`pipeline`), and the node that drives one: its life, parameters, topics, diagnostics."""
