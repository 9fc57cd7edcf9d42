// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The launch list as tables. Include it in a namespace of its own, behind runtime.h.
#undef ST_HOST_FUNCTIONS_H
#include "host_functions.cpp"

const runtime::Program kProgram = {
    // buffers: name, bytes, whether kernels use it, the one that it is a part of, from which byte on
    {
        {"ids", 32, false, -1, 0},
        {"wte.weight", 640, false, -1, 0},
        {"c_attn.weight", 3072, true, -1, 0},
        {"output_0", 256, true, -1, 0},
        {"b0", 256, true, -1, 0},
        {"b1", 256, true, -1, 0},
        {"b2", 256, true, -1, 0},
    },
    // functions: name, what to call on the host, which arguments are written
    {
        {"block_0", nullptr, {false, false, true}},
        {"columns", nullptr, {false, true}},
        {"embed", [](const runtime::Pointers &a) { (embed)(a[0], a[1], a[2]); }, {false, false, true}},
    },
    // steps: function, buffers, bounds (buffer of a position, tile, most tiles)
    {
        {2, {0, 1, 4}, {}},  // embed, call 0
        {0, {4, 2, 5}, {}},  // block, call 1
        {0, {5, 2, 6}, {}},  // block, call 2
        {1, {6, 3}, {}},  // columns, call 3
    },
    // inputs: name, buffer
    {
        {"ids", 0},
    },
    // parameters: name, buffer
    {
        {"wte.weight", 1},
        {"c_attn.weight", 2},
    },
    // outputs: name, buffer
    {
        {"output_0", 3},
    },
};
