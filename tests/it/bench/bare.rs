//! How far from the least that a program can do: the firewall program itself, run once on the same input.
