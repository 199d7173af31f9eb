"""`python -m oai_dyn` is the command `oai-dyn`."""

import sys

from .command import main

sys.exit(main())
