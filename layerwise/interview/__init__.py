"""Interview practice with the bank of layerwise/questions: so far, running what proves an answer."""
