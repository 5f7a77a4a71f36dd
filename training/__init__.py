"""Learning to read: the corpus, the models that are trained on it, how they are judged and promoted."""
