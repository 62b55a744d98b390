"""What is typed in a shell: `dispatch` reads it, and a file for each command does it. No file of this package imports from here."""

from ganexp.cli.dispatch import main as main
