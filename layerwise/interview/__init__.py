"""Interview practice: what a candidate knows, and what to practise next."""
