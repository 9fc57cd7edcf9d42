// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{2 tripcounts but 1 steps}}
func.func private @f(!dataflow.itensor<2x2xf32, iter_space: [2, 2] * [2], iter_map: (d0, d1) -> (d0, d1)>)

// -----

// expected-error@+1 {{the map has 1 inputs but the iteration space has 2 loops}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2, 2] * [2, 2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{the map has 1 results but the element has rank 2}}
func.func private @f(!dataflow.itensor<2x2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{the iteration map of an itensor has no symbols}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0)[s0] -> (d0 + s0)>)

// -----

// expected-error@+1 {{tripcount 0 is 0, but it has to be at least 1}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [0] * [2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{step 0 is -2, but it has to be at least 1}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2] * [-2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{element size 0 is}}
func.func private @f(!dataflow.itensor<?xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{the lowest offset of map result 0 (d0 + 1) is 1, but it has to be 0}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0 + 1)>)

// -----

// expected-error@+1 {{the lowest offset of map result 0 (-d0) is -2, but it has to be 0}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (-d0)>)

// -----

// expected-error@+1 {{not linear}}
func.func private @f(!dataflow.itensor<2xf32, iter_space: [2] * [2], iter_map: (d0) -> (d0 floordiv 2)>)

// -----

// expected-error@+1 {{the scalar of an itensor has a fixed width, index has none}}
func.func private @f(!dataflow.itensor<2xindex, iter_space: [2] * [2], iter_map: (d0) -> (d0)>)

// -----

// expected-error@+1 {{a stream carries scalars or vectors of a fixed width, not index}}
func.func private @f(!dataflow.stream<index>)
