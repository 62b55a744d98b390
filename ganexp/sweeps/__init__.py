"""Many runs as lanes of few programs: what is grouped with what, the lanes, the loop, and the records of a sweep.

Runs whose experiments differ in numbers alone share one program. A lane's numbers are those of the run alone.
"""
