# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m streamtensor` is the program `streamtensor` where its folder is not on the path."""

from streamtensor.cli.main import main

if __name__ == "__main__":
    main()
