# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
open_project -reset columns_prj
set_top columns
add_files ../columns.cpp -cflags -I..
open_solution -reset solution -flow_target vitis
set_part xcu55c-fsvh2892-2L-e
create_clock -period 4 -name default
csynth_design
export_design -format xo -output columns.xo
exit
