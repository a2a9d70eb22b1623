"""What readers ask for, from its text to the calls that fit."""
