"""The adaptive enhancers of the papers: what is fitted is fitted to each utterance, all utterances in one batch.

- RVAE-VEM (`vem`): NMF noise; the encoder is fitted by Adam.
- RVAE-LDEM (`langevin`): the same model; z is drawn by Langevin dynamics.
- NA and NDA (`noise_adaptation`): a noise network, fitted together with the encoder.
- ND (`forward_pass`): a model trained on noisy speech, nothing fitted.

Departures, of all that iterate: the lower bound decides when an utterance is done, instead of a fixed number of
iterations; the result is the mean over several samples of z instead of one sample, which is noisier.
"""
