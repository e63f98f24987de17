"""Speech out of the models of the family: analysis-resynthesis, unconditional generation, exchange of what w holds."""
