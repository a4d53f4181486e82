"""Run the command line as ``python -m geosys``."""

from geosys.cli import main

if __name__ == "__main__":
    main()
