"""The adaptive methods of the papers, for a batch of utterances of any lengths: what is fitted is fitted to each
utterance.

- RVAE-VEM (S. Leglaive et al., ICASSP 2020): NMF noise; E step by Adam on a copy of the encoder, M step by NMF updates.
- RVAE-LDEM (M. Sadeghi and R. Serizel, "Posterior sampling algorithms for unsupervised speech enhancement with
  recurrent variational autoencoder", 2023): the same model; the E step draws z by Langevin dynamics from where the
  encoder starts.
- NA and NDA (X. Lin, 2024, section 6.2.4): a noise network instead of NMF, fitted together with the encoder by Adam on
  eq. 6.16, from scratch (NA) or from weights trained on noisy speech (NDA). ND alone needs no fitting: `forward_pass`.

Departures: the lower bound decides when an utterance is done, instead of a fixed number of iterations; the result is
the mean over several samples of z (or its mean) instead of one sample, which is noisier.
"""
