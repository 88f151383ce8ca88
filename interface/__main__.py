"""Run the command line as ``python -m visavis``."""

from visavis.cli import main

main(prog_name="visavis")
