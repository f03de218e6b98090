"""What bench/run and bench/instructions share: servers, loads, the machine's facts, tables."""
