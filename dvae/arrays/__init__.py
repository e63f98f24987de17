"""Several microphones: where they are, where sound comes from, beams, and the loudspeaker's echo taken out."""
