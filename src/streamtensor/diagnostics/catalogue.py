# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every error code, once: its title and what it means. `streamtensor explain CODE` and docs/errors.md print this."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One code: a title of a few words, and an explanation that says what it means and how to mend it."""

    code: str
    title: str
    explanation: str


AREAS: dict[str, str] = {
    "ST01": "Model and input",
    "ST02": "IR text and verification",
    "ST03": "Passes and pipeline",
    "ST04": "Devices and targets",
    "ST05": "Command line and folders",
    "ST06": "Compiler and C simulation",
    "ST07": "Time: graphs, FIFO sizes, cycle simulation",
    "ST08": "Design spaces",
}

_ENTRIES = (
    # ---- ST01 model and input ----------------------------------------------------------------------------------
    Entry(
        "ST0101",
        "folder or file not found",
        """A path that was given does not exist, or cannot be read. Check the spelling and the current folder;
        nothing is ever downloaded, so a model must be a folder on this machine.""",
    ),
    Entry(
        "ST0102",
        "unknown model or shape",
        """MODEL is neither a folder, nor `FILE.py:callable`, nor the name of a known shape. A shape has no weights
        of its own: it also needs `--random-weights SEED`.""",
    ),
    Entry(
        "ST0103",
        "broken model folder",
        """A file of the model folder (`config.json`, `model.safetensors`, its index or a shard) cannot be parsed, is
        cut off, or does not fit the configuration. The message names the file; copy or save the model again.""",
    ),
    Entry(
        "ST0104",
        "unsupported operation",
        """The model uses an operation that cannot be brought to linalg on tensors, or that is linalg's neighbour but no
        kernel yet (tensor.concat, tensor.pad). The message names the operation
        and the line of the model that calls it. Replace it by supported operations, or compute it outside of the
        compiled module and pass the result as an input.""",
    ),
    Entry(
        "ST0105",
        "prompt longer than the compiled length",
        """A program is compiled for one prompt length; shorter prompts are padded, longer ones cannot run. Shorten
        the prompt, or compile again with a larger `--prompt-len`.""",
    ),
    Entry(
        "ST0106",
        "dynamic shape",
        """A dataflow accelerator has static shapes, and the exported model has a dimension that depends on data or
        that was left symbolic. Give example inputs of the shape that is wanted, and avoid operations whose result
        shape depends on values (such as `nonzero`).""",
    ),
    Entry(
        "ST0107",
        "callable missing or wrong",
        """`FILE.py:callable` must name a function without required arguments that returns a pair: a
        `torch.nn.Module` and a tuple of example inputs. The message says which part did not hold.""",
    ),
    Entry(
        "ST0108",
        "inputs do not match",
        """The arrays that were given differ from the module's inputs in number, shape or element type. The message
        states both sides. In a `.npz` file the arrays stand in the order of the module's inputs.""",
    ),
    Entry(
        "ST0109",
        "tokenizer missing or character unknown",
        """A text prompt needs the `tokenizer.json` of the model folder, and every character of the prompt must be in
        its vocabulary. Use `--inputs FILE.npz` for a model without a tokenizer.""",
    ),
    Entry(
        "ST0110",
        "input or value without a hardware form",
        """An input is not a tensor, a value has an element type for which no hardware is made (64-bit floats,
        complex numbers), or the module writes its own state while it runs. Convert the module with `.float()`,
        put it into inference mode with `.eval()`, and return new state as an output.""",
    ),
    Entry(
        "ST0111",
        "module cannot be exported",
        """PyTorch's own export of the module fails, for example because its control flow depends on values, or the
        module returns no tensor. The message repeats what PyTorch says and names the line of the model.""",
    ),
    Entry(
        "ST0112",
        "description of a hand-written kernel is wrong",
        """A field of an `ExternKernel`, or of the TOML file behind `--extern`, is missing, unknown or out of range. The
        message names the kernel or the file, the field, and what was expected there. docs/extern.md lists all
        fields.""",
    ),
    Entry(
        "ST0113",
        "hand-written kernel does not fit the model",
        """Nothing in the model matches what the kernel replaces (the hint lists what there is), or the kernel has other
        ports than the part of the model that it replaces has inputs and outputs. The message states both sides: the
        tensors of the model, and the data that the port's itensor type covers. Sizes of 1 do not count.""",
    ),
    Entry(
        "ST0114",
        "C++ of a hand-written kernel does not fit",
        """The source of an extern kernel is missing, does not define the function with one `hls::stream` for each port,
        or the function reads or writes another number of tokens than its port types say. The message names the file
        and the function that was wanted.""",
    ),
    Entry(
        "ST0115",
        "hand-written kernel differs from what it replaces",
        """On random inputs the C++ of an extern kernel gives something else than the part of the model that it
        replaces, by more than its tolerance. Most often the port types say another order than the code reads or
        writes, or two ports are exchanged.""",
    ),
    Entry(
        "ST0120",
        "unknown quantisation scheme",
        """A scheme is `float32`, `w8a8`, `w4a8` (one scale for each output channel) or `w4a8-gN` (one for each N inputs
        of an output, for example `w4a8-g128`).""",
    ),
    Entry(
        "ST0121",
        "no integer form",
        """The model's family, or a feature of its configuration that the message names, has no definition in
        fixed-point arithmetic. Compile it as float32, or use a model of one of the families that are listed.""",
    ),
    Entry(
        "ST0122",
        "calibration text cannot be used",
        """Static scales come from the values that the float model has on a sample text. The text has no token, or the
        model gives values that are no finite numbers on it. Give a text of the kind that the model will see, a few
        thousand tokens long.""",
    ),
    Entry(
        "ST0123",
        "text too short to evaluate",
        """Perplexity needs at least two tokens: the second is predicted from the first.""",
    ),
    Entry(
        "ST0124",
        "quantised checkpoint cannot be read",
        """Of checkpoints that others quantised, GPTQ ones with 4 bits and symmetric groups can be read. Zero points,
        reordered columns (desc_act), other widths and other methods have no place in the integer arithmetic here; the
        message names the one that was found. Quantise the float model instead.""",
    ),
    # ---- ST02 IR text and verification -------------------------------------------------------------------------
    Entry(
        "ST0201",
        "IR text does not parse",
        """The text is not valid IR. The location names the line; after an edit by hand, compare with the file that
        the compiler wrote.""",
    ),
    Entry(
        "ST0202",
        "IR does not verify",
        """The text parses, but an operation or a type breaks a rule of its dialect. The message names the operation
        and states both sides of the rule that does not hold.""",
    ),
    Entry(
        "ST0203",
        "not an itensor type",
        """The text on the command line is not an itensor type: it can't be read, or it breaks a rule of the type, which
        the message names. The form is "itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>":
        the shape and scalar type of a token, the tripcounts and steps of the loops, and the map from loop values to
        the token's offset.""",
    ),
    # ---- ST03 passes and pipeline ------------------------------------------------------------------------------
    Entry(
        "ST0301",
        "unknown pass or broken pipeline text",
        """A pipeline is `PASS,PASS{option=value option2=[1,2]}`. A name is not a pass (`streamtensor-opt --list-
        passes` shows them all), or the text does not have that form.""",
    ),
    Entry(
        "ST0302",
        "unknown or wrong pass option",
        """A pass does not have this option, the option needs a value of another type, or a required one is missing.
        `streamtensor-opt --list-passes` shows each pass with its options.""",
    ),
    Entry(
        "ST0303",
        "operation not allowed at this stage",
        """After a stage of the pipeline, only certain operations may be left, and one that may not be is still
        there. Either a pass of the stage was left out, or the model has something that no pass can handle yet.""",
    ),
    Entry(
        "ST0304",
        "types cannot be connected",
        """A producer streams its tokens in one order, its consumer wants them in another, and no converter can turn
        the one into the other. The message states both types.""",
    ),
    Entry(
        "ST0305",
        "does not fit on chip",
        """What must be resident together needs more on-chip memory than the device has. The terms say where the bits
        go, the levers what would save some: smaller tiles, less fusion, another device.""",
    ),
    Entry(
        "ST0306",
        "operation that this pass cannot handle",
        """A pass met an operation in a form that its rewrite does not cover. The message names the pass, the
        operation and the line of the model.""",
    ),
    Entry(
        "ST0307",
        "layers do not run in one launch",
        """`--launch one` makes one launch of all layers of a model. That needs layers of one kind, each of them one
        kernel, whose input is read in the order in which its result is written. The message says what is otherwise;
        `--launch per-layer` always works.""",
    ),
    # ---- ST04 devices and targets ------------------------------------------------------------------------------
    Entry(
        "ST0401",
        "unknown device",
        """A device is the name of a file that comes with the package (without `.toml`), or the path of such a file
        of your own. `streamtensor doctor` lists those that come with the package.""",
    ),
    Entry(
        "ST0402",
        "broken device file",
        """A device file does not parse, lacks a figure, or has one of the wrong kind. The message names the file,
        the key and what was expected there; the files that come with the package show the form.""",
    ),
    # ---- ST05 command line and folders -------------------------------------------------------------------------
    Entry(
        "ST0501",
        "output folder cannot be used",
        """The folder named by `-o` exists and holds something else, or cannot be written. Choose another one, or say
        `--force` to replace what is there.""",
    ),
    Entry(
        "ST0502",
        "unknown level",
        """Levels are, in order: tensor, dataflow, fused, materialized, stream, code. `--from` must not come after
        `--to`.""",
    ),
    Entry(
        "ST0503",
        "not a compiled folder",
        """The folder was not made by `streamtensor compile`, or lacks the file of the level that is asked for.
        Compile the model first, or up to a later level.""",
    ),
    Entry(
        "ST0504",
        "wrong usage",
        """The command line does not have the form that the command expects (exit code 2). `streamtensor COMMAND
        --help` shows it.""",
    ),
    Entry(
        "ST0505",
        "unknown error code",
        """`streamtensor explain` was asked about a code that does not exist. Without a code it lists all of them.""",
    ),
    # ---- ST06 compiler and C simulation ------------------------------------------------------------------------
    Entry(
        "ST0601",
        "no C++ compiler",
        """C simulation builds the emitted C++ and needs g++ or a compatible compiler, on the PATH or named by the
        environment variable CXX. On Debian or Ubuntu: `apt-get install g++`.""",
    ),
    Entry(
        "ST0602",
        "C++ does not compile",
        """The compiler rejected a source file. The first lines of what it said are in the message, all of it in the
        log file that is named. For code that was not edited by hand this is a fault of the emitter: please report
        it.""",
    ),
    Entry(
        "ST0603",
        "C simulation failed",
        """The simulated design stopped with an error of its own, such as tokens that are left over in a FIFO or a
        read from an empty one in unbounded mode. The message names the task and the FIFO.""",
    ),
    Entry(
        "ST0604",
        "deadlock",
        """With bounded FIFOs, every unfinished task waits for another one. The message names the cycle of waits:
        which task waits to read which empty FIFO, or to write which full one. Deeper FIFOs on that cycle cure it.""",
    ),
    Entry(
        "ST0605",
        "results differ from PyTorch",
        """The accelerator computed something else than the model, beyond the tolerance for its number format. Run
        with `--verify-numerics` at compile time to see after which pass the difference appears.""",
    ),
    Entry(
        "ST0606",
        "not a C simulation library",
        """The shared library is missing, was not built from emitted code, or lacks the function that was asked for.
        Build it again: remove the `csim` folder and run once more.""",
    ),
    Entry(
        "ST0607",
        "wrong argument of a C simulation",
        """An array that C++ cannot read as it is (not contiguous, foreign byte order, Python objects), a FIFO name
        that the design does not have, or a depth below 1. The message says which.""",
    ),
    Entry(
        "ST0608",
        "token trace cannot be written or read",
        """The folder of a token trace cannot be written, holds no trace, or has no FIFO of that name.""",
    ),
    Entry(
        "ST0609",
        "C simulation and step programs carry other tokens",
        """Every FIFO carries as many tokens in C simulation as the step programs say from which cycles and FIFO depths
        come. Here they differ, so the cycles are not those of this code: the graphs or the code were edited, or it is a
        fault of the compiler.""",
    ),
    # ---- ST07 time ---------------------------------------------------------------------------------------------
    Entry(
        "ST0701",
        "no native simulator",
        """The cycle simulator is C++ that is compiled once, when the package is installed or on first use, and then
        kept in the user's cache folder (`$STREAMTENSOR_CACHE`, else `streamtensor` in the platform's cache folder). No
        compiler was found, or it rejected the sources. Install g++ or clang++, or set CXX to one.""",
    ),
    Entry(
        "ST0702",
        "not a dataflow graph",
        """The JSON file is not of the schema `streamtensor.graph/1`: it does not parse, a key is missing or unknown, or
        a value is of the wrong kind. The message names the place; docs/timing.md describes the schema.""",
    ),
    Entry(
        "ST0703",
        "impossible dataflow graph",
        """Every FIFO needs exactly one task that writes it and one that reads it, names must be unique and known,
        depths at least 1, and no number negative. The message names the culprit.""",
    ),
    Entry(
        "ST0704",
        "no FIFO depths complete this graph",
        """The graph deadlocks also where every FIFO has room for everything: a ring of empty FIFOs without initial
        tokens (leading steps of a task that only write), or a task that reads more tokens than are written. The
        message names the waits. No sizing can mend that.""",
    ),
    Entry(
        "ST0705",
        "no answer by this strategy",
        """The published form of FIFO sizing writes down a constraint for every path between two tasks that several
        paths join, and this graph has too many of them. Use another `--strategy`.""",
    ),
    Entry(
        "ST0801",
        "impossible choice in a design space",
        """A parameter of a design space is out of its range, for example a budget of no parallel operations. The
        message says the value and the least one, or the values that are legal.""",
    ),
    Entry(
        "ST0802",
        "unknown parameter of a design space",
        """A point names a parameter that the space does not have. Kernels are named in parameters, so a point of
        another model, or of another part of it, has other names. The message says the nearest name.""",
    ),
    Entry(
        "ST0810",
        "not a study that can be used",
        """The folder holds no study, holds one already, holds a damaged one, or another process works on it; or the
        study has no trial of that number. `streamtensor explore` writes studies, `--resume` goes on with one.""",
    ),
    Entry(
        "ST0811",
        "study about something else",
        """A study goes on only where its space, its objectives, its searcher and its seed are what they were: trials of
        another model or device can't be compared. The message says what differs, then and now.""",
    ),
    Entry(
        "ST0812",
        "no workers",
        """The workers of an exploration can't be started, or go away again and again: Ray is not installed or there is
        no cluster at the address, or every process that evaluates is killed, as happens when memory is short.""",
    ),
    Entry(
        "ST0813",
        "trial took too long",
        """The evaluation of a point took longer than `--trial-timeout` allows. Its worker was stopped and the point is
        listed as lost. Where it is the default point, with which all others are compared, the search ends.""",
    ),
)

CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in _ENTRIES}
"""Every code with its entry, in the order of the codes."""


def explanation(entry: Entry) -> str:
    """The explanation of `entry` as one paragraph."""
    return " ".join(entry.explanation.split())
