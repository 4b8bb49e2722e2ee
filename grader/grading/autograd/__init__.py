"""What a source says about where its numbers come from: which of them are derivatives that autograd gave."""
