// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dataflow region, written once for synthesis and for C simulation.
//
//   ST_REGION(bytes)          opens the region; bytes = stack that the local arrays of its largest task need
//   ST_TASK(function, args)   one task; tasks exchange data only through the streams among their arguments
//   ST_REGION_END             every task has ended
//
// For synthesis (ST_CSIM not defined) a task is a plain call and the other two vanish, which leaves the canonical form
// of a dataflow function. In C simulation each task is a fiber and the region runs them all at ST_REGION_END.
// A task may call a function that has a region of its own; it waits there while the inner tasks run beside all others.
// The arguments of a task must be names or expressions without side effects: they are looked at more than once.
#ifndef STREAMTENSOR_DATAFLOW_H
#define STREAMTENSOR_DATAFLOW_H

#ifdef ST_CSIM

#include "streamtensor_csim/region.h"

#define ST_REGION(bytes) \
    {                    \
        ::streamtensor::csim::Region st_region(bytes);
#define ST_TASK(function, ...)                                 \
    st_region.task(#function, [&] { function(__VA_ARGS__); }); \
    st_region.bind(__VA_ARGS__);
#define ST_REGION_END \
    st_region.run();  \
    }

#else

#define ST_REGION(bytes)
#define ST_TASK(function, ...) function(__VA_ARGS__);
#define ST_REGION_END

#endif

#endif
