"""TrepStar's two functions, answered by the desk, for scripts that were written for TrepStar."""
