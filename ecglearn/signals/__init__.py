"""What an ECG is: pure functions on signals of shape (..., lead, time); nothing learned."""
