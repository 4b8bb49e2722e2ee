"""Control groups: Linux bounds each kernel's memory and shares the processor out, where this machine lets us ask it."""
