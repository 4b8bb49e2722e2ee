"""The steps a person could name, one module each; what they need of the world is in flow.ports."""
