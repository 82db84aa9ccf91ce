"""The supply chain: scans, SBOMs, signatures."""
