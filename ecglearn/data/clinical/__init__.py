"""Clinical numbers: what they are, and which was measured nearest to an ECG."""
