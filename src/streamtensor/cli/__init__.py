# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line: it only composes functions of the library.

`streamtensor NAME` is the object `command` of the module `NAME_command` in this package, so a new command is a new
file. Heavy libraries are imported inside the command functions, so that `--help` is quick.
"""
