"""Assignment posteriors and the variational EM loop, shared by everything that has hidden assignments."""
