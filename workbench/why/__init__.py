"""Why an answer was wrong: the funnel that a fact goes through, causes, proofs by counterfactual, provenance."""
